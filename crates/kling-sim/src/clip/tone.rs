//! A tone that goes on and off every half second: nobody takes it for music.

/// Samples in a second.
const RATE: u32 = 8_000;
/// Samples in one swing of the tone: 400 Hz.
const SWING: u32 = 20;
/// How far a sample is from silence, of 127.
const LOUDNESS: u8 = 24;
/// The value of silence in samples of 8 bits.
const SILENCE: u8 = 128;

/// The bytes of a WAV file: one channel, 8 bits a sample.
pub(super) fn wav(seconds: u32) -> Vec<u8> {
    let length = seconds * RATE;
    let mut file = Vec::with_capacity(length as usize + 44);
    file.extend(b"RIFF");
    file.extend((36 + length).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    // PCM, one channel; the rate in samples and in bytes; one byte a sample of 8 bits.
    file.extend([1, 0, 1, 0]);
    file.extend(RATE.to_le_bytes());
    file.extend(RATE.to_le_bytes());
    file.extend([1, 0, 8, 0]);
    file.extend(b"data");
    file.extend(length.to_le_bytes());
    file.extend((0..length).map(sample));
    file
}

const fn sample(index: u32) -> u8 {
    let is_on = (index / (RATE / 2)).is_multiple_of(2);
    match (is_on, index % SWING < SWING / 2) {
        (false, _) => SILENCE,
        (true, true) => SILENCE + LOUDNESS,
        (true, false) => SILENCE - LOUDNESS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_tells_the_length() {
        let file = wav(2);
        assert_eq!(file.len(), 44 + 16_000);
        assert_eq!(file[40..44], 16_000_u32.to_le_bytes());
        assert!(file[44..].iter().any(|&sample| sample != SILENCE));
    }
}

//! A request id in little room.

use kling_transport::RequestId;
use uuid::Uuid;

/// A request id: those that are UUIDs, as the provider's are so far, in 16 bytes without an allocation.
#[derive(Clone, Debug)]
pub(super) enum PackedId {
    Uuid(Uuid),
    Other(RequestId),
}

impl PackedId {
    pub(super) fn unpack(&self) -> RequestId {
        match self {
            Self::Uuid(uuid) => {
                let mut letters = [0; 36];
                uuid.hyphenated()
                    .encode_lower(&mut letters)
                    .parse()
                    .unwrap_or_else(|_| unreachable!("hexadecimal digits and hyphens are an id"))
            }
            Self::Other(id) => id.clone(),
        }
    }
}

impl From<&RequestId> for PackedId {
    fn from(id: &RequestId) -> Self {
        match Uuid::try_parse(id.as_str()) {
            // Other spellings of a UUID would not come back as they were.
            Ok(uuid) if uuid.hyphenated().to_string() == id.as_str() => Self::Uuid(uuid),
            _ => Self::Other(id.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_comes_back_as_it_was() {
        for text in [
            "3f0c2b6e-8a0e-4c55-9d61-1f2f3f4f5f6f",
            "3F0C2B6E-8A0E-4C55-9D61-1F2F3F4F5F6F",
            "3f0c2b6e8a0e4c559d611f2f3f4f5f6f",
            "5e1f-09c",
        ] {
            let id: RequestId = text.parse().unwrap();
            assert_eq!(PackedId::from(&id).unpack(), id);
        }
        assert!(size_of::<PackedId>() <= 24);
    }
}

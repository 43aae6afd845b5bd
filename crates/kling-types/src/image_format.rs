//! The formats of still pictures that can be told apart by their content.

use std::fmt;

use serde::Serialize;

macro_rules! formats {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal, $media_type:literal;)+) => {
        /// The format of a picture by its content, whatever its name says.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
        #[serde(rename_all = "lowercase")]
        #[non_exhaustive]
        pub enum ImageFormat {
            $($(#[$doc])+ $variant,)+
        }

        impl ImageFormat {
            /// The format in lower case, such as `jpeg`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The media type, such as `image/jpeg`.
            #[must_use]
            pub const fn media_type(self) -> &'static str {
                match self { $(Self::$variant => $media_type,)+ }
            }
        }
    };
}

formats! {
    /// AV1 in the container of HEIF.
    Avif = "avif", "image/avif";
    /// A Windows bitmap.
    Bmp = "bmp", "image/bmp";
    /// GIF, animated or not.
    Gif = "gif", "image/gif";
    /// HEIF of any other coding, most often HEVC.
    Heic = "heic", "image/heic";
    /// JPEG.
    Jpeg = "jpeg", "image/jpeg";
    /// PNG, animated or not.
    Png = "png", "image/png";
    /// TIFF, BigTIFF included.
    Tiff = "tiff", "image/tiff";
    /// WebP, lossy, lossless or animated.
    Webp = "webp", "image/webp";
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_the_same_word_wherever_it_is_written() {
        for format in [ImageFormat::Jpeg, ImageFormat::Heic] {
            assert_eq!(serde_json::to_value(format).unwrap(), format.as_str());
            assert_eq!(format.media_type(), format!("image/{format}"));
        }
    }
}

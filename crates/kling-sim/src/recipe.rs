//! What a clip is made from, and the bytes of clips already made.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use kling_types::OutputKind;
use sha2::{Digest, Sha256};

/// The most clips kept; the others are made again when they are asked for, with the same bytes.
const MOST_CLIPS: usize = 16;

/// Everything that the bytes of a clip depend on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Recipe {
    /// What the file is.
    pub(crate) kind: OutputKind,
    /// The picture that it starts with; a placeholder where there is none.
    pub(crate) start: Option<Picture>,
    /// The picture that it ends with.
    pub(crate) end: Option<Picture>,
    /// How long it is, where it has a length.
    pub(crate) seconds: u32,
}

impl Default for Recipe {
    fn default() -> Self {
        Self { kind: OutputKind::Video, start: None, end: None, seconds: 0 }
    }
}

/// A picture as it came, known by its hash.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    digest: [u8; 32],
    pub(crate) bytes: Arc<[u8]>,
}

impl PartialEq for Picture {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Picture {}

impl std::hash::Hash for Picture {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}

/// Every picture once, however many jobs start from it.
#[derive(Debug, Default)]
pub(crate) struct Gallery(HashMap<[u8; 32], Picture>);

impl Gallery {
    pub(crate) fn hang(&mut self, bytes: Vec<u8>) -> Picture {
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        self.0.entry(digest).or_insert_with(|| Picture { digest, bytes: bytes.into() }).clone()
    }
}

/// The clip of one recipe, made by the first who needs it while the others wait.
pub(crate) type Clip = Arc<OnceLock<Result<Bytes, String>>>;

/// The newest clips.
#[derive(Debug, Default)]
pub(crate) struct Clips(VecDeque<(Recipe, Clip)>);

impl Clips {
    /// The place of a clip, made or not.
    pub(crate) fn place(&mut self, recipe: &Recipe) -> Clip {
        if let Some((_, clip)) = self.0.iter().find(|(known, _)| known == recipe) {
            return Arc::clone(clip);
        }
        if self.0.len() == MOST_CLIPS {
            self.0.pop_front();
        }
        let clip = Clip::default();
        self.0.push_back((recipe.clone(), Arc::clone(&clip)));
        clip
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_kept_once() {
        let mut gallery = Gallery::default();
        let (one, other) = (gallery.hang(vec![1, 2]), gallery.hang(vec![1, 2]));
        assert!(Arc::ptr_eq(&one.bytes, &other.bytes));
        assert_ne!(one, gallery.hang(vec![3]));
    }

    #[test]
    fn the_same_recipe_has_one_clip_and_old_ones_are_let_go() {
        let mut clips = Clips::default();
        let recipe = |seconds| Recipe { seconds, ..Recipe::default() };
        let first = clips.place(&recipe(0));
        assert!(Arc::ptr_eq(&first, &clips.place(&recipe(0))));
        for seconds in 1..=16 {
            let _ = clips.place(&recipe(seconds));
        }
        assert_eq!(clips.0.len(), MOST_CLIPS);
        assert!(!Arc::ptr_eq(&first, &clips.place(&recipe(0))));
    }
}

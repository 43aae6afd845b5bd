//! Records of every kind of job, to be kept from one run of a program to the next.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kling_transport::ModelId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Aim, Learned, Record};

/// How long jobs of each kind ran; a kind is a model with the options that matter for its duration.
///
/// It serialises to a map from kinds to seconds, at most a hundred of them each, which can be kept anywhere and merged by
/// hand. It holds no ids and no inputs.
///
/// ```
/// use kling_poll::{Aim, Experience, WaitOptions};
///
/// let experience = Experience::default(); // or from serde
/// let model = "kling/kling-1-6/pro/image-to-video".parse()?;
/// let schedule = experience.schedule(&model, [("duration", 10)], Aim::default());
/// let options = WaitOptions::default().with_schedule(schedule); // for every job of ten seconds
/// # let _ = options;
/// # Ok::<(), kling_transport::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Experience(Mutex<BTreeMap<String, Arc<Record>>>);

impl Experience {
    /// The schedule for one kind of job. All schedules of one kind share its record.
    #[must_use]
    pub fn schedule<N: Display, V: Display>(
        &self,
        model: &ModelId,
        options: impl IntoIterator<Item = (N, V)>,
        aim: Aim,
    ) -> Learned {
        Learned::new(self.record(model, options), aim)
    }

    /// The record of one kind of job.
    #[must_use]
    pub fn record<N: Display, V: Display>(
        &self,
        model: &ModelId,
        options: impl IntoIterator<Item = (N, V)>,
    ) -> Arc<Record> {
        let mut kind = model.as_str().to_owned();
        for (name, value) in options {
            kind.push_str(&format!(" {name}={value}"));
        }
        Arc::clone(self.lock().entry(kind).or_default())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Record>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Serialize for Experience {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.lock().iter().map(|(kind, record)| (kind, record.seconds())))
    }
}

impl<'de> Deserialize<'de> for Experience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let kept = BTreeMap::<String, Vec<f32>>::deserialize(deserializer)?;
        let records = kept.into_iter().map(|(kind, seconds)| (kind, Arc::new(Record::from_seconds(seconds))));
        Ok(Self(Mutex::new(records.collect())))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Schedule;

    #[test]
    fn kinds_are_kept_apart_and_come_back() {
        let experience = Experience::default();
        let model: ModelId = "maker/model".parse().unwrap();
        for duration in [5u64, 10] {
            experience
                .schedule(&model, [("duration", duration)], Aim::default())
                .learn(Duration::from_secs(duration * 30));
        }
        let kept = serde_json::to_string(&experience).unwrap();
        assert_eq!(kept, r#"{"maker/model duration=10":[300.0],"maker/model duration=5":[150.0]}"#);
        let again: Experience = serde_json::from_str(&kept).unwrap();
        assert_eq!(again.record(&model, [("duration", 5)]).seconds(), [150.0]);
        assert_eq!(serde_json::to_string(&again).unwrap(), kept);
    }
}

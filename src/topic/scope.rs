//! The topics that a token is for.
//!
//! Promises: a topic that the token names costs one look-up, however many it names; templates and
//! patterns are tested one by one, in slices. Does not: know what the token allows.

use std::{collections::HashSet, sync::Arc};

use super::{Selector, Topic};
use crate::slice::{Slice, TEST};

/// See the module. By default none. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Scope(Arc<Parts>);

#[derive(Debug, Default)]
struct Parts {
    all: bool,
    names: HashSet<Topic>,
    /// Templates and patterns.
    tested: Vec<Selector>,
}

/// How far the search for a covered topic has come.
#[derive(Debug, Clone, Copy, Default)]
pub struct Progress {
    topic: usize,
    /// 0 for the names, then the tests.
    step: usize,
}

impl FromIterator<Selector> for Scope {
    fn from_iter<I: IntoIterator<Item = Selector>>(selectors: I) -> Self {
        let mut parts = Parts::default();
        for selector in selectors {
            match selector {
                Selector::All => parts.all = true,
                Selector::Exact(topic) => drop(parts.names.insert(topic)),
                Selector::Template(_) | Selector::Pattern(_) => parts.tested.push(selector),
            }
        }
        Self(Arc::new(parts))
    }
}

impl Scope {
    /// Whether one of these topics is covered. In between the thread is for others: up to 1000
    /// tests meet up to 1000 topics.
    pub async fn covers_any(&self, topics: &[Topic], slice: &mut Slice) -> bool {
        let mut progress = Progress::default();
        loop {
            if let Some(found) = self.search(topics, &mut progress, slice) {
                return found;
            }
            slice.pause().await;
        }
    }

    /// Whether all of these topics are covered. In between the thread is for others.
    pub async fn covers_all(&self, topics: &[Topic], slice: &mut Slice) -> bool {
        for topic in topics {
            if !self.covers_any(std::slice::from_ref(topic), slice).await {
                return false;
            }
        }
        true
    }

    /// Goes on with a search for a covered topic. `None` where the slice was over before it was
    /// known whether there is one. Until then the topics have to be the same.
    pub fn search(
        &self,
        topics: &[Topic],
        progress: &mut Progress,
        slice: &mut Slice,
    ) -> Option<bool> {
        let Parts { all, names, tested } = &*self.0;
        if *all {
            return Some(true);
        }
        while let Some(topic) = topics.get(progress.topic) {
            while progress.step <= tested.len() {
                let is_covered = match progress.step {
                    0 => names.contains(topic),
                    step => tested[step - 1].matches(topic),
                };
                if is_covered {
                    return Some(true);
                }
                progress.step += 1;
                if slice.spend(TEST + topic.as_str().len()) {
                    return None;
                }
            }
            *progress = Progress { topic: progress.topic + 1, step: 0 };
        }
        Some(false)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// A thousand texts; `{}` stands for their numbers.
    fn thousand(text: &str) -> impl Iterator<Item = String> {
        (0..1000).map(move |number| text.replace("{}", &number.to_string()))
    }

    fn topics(text: &str) -> Vec<Topic> {
        thousand(text).map(|text| Topic::parse(&text).unwrap()).collect()
    }

    fn scope(text: &str) -> Scope {
        thousand(text).map(|text| Selector::parse(&text).unwrap()).collect()
    }

    /// What a search finds, and how often it gives the thread back where its time is always over.
    fn pauses(scope: &Scope, topics: &[Topic]) -> (bool, usize) {
        let begun = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
        let mut progress = Progress::default();
        for pauses in 0.. {
            if let Some(found) = scope.search(topics, &mut progress, &mut Slice::from(begun)) {
                return (found, pauses);
            }
        }
        unreachable!()
    }

    #[test]
    fn a_thousand_names_cost_a_topic_no_more_than_one() {
        let topics = topics("https://example.com/{}");
        let one = Selector::parse("https://example.com/other").unwrap();
        let one = pauses(&Scope::from_iter([one]), &topics);
        assert_eq!(pauses(&scope("https://example.com/other/{}"), &topics), one);
        assert_eq!(pauses(&scope("https://example.com/{}"), &topics), (true, 0));
    }

    #[test]
    fn a_thousand_templates_are_tested_in_slices() {
        let templates = scope("https://example.com/{}/{id}");
        let (found, often) = pauses(&templates, &topics("https://example.com/{}"));
        assert!(!found && often > 10_000, "{found} {often}");
        // What is interrupted comes to the same end.
        let mut last = topics("https://example.com/{}");
        last.push(Topic::parse("https://example.com/999/1").unwrap());
        assert!(pauses(&templates, &last).0);
    }
}

//! The bridge from choices to proptest.

use std::fmt::{self, Debug};
use std::sync::Arc;

use proptest::arbitrary::any;
use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::Choices;
use super::choices::SplitMix64;

type Draw<T> = Arc<dyn Fn(Choices) -> T + Send + Sync>;

/// The strategy of everything that a function draws from a stream of choices.
///
/// A failing case shrinks by turning stretches of its choices, long ones first, into the first
/// alternative.
pub struct Drawn<T> {
    choices: usize,
    draw: Draw<T>,
}

impl<T> Drawn<T> {
    /// What `draw` makes of so many bytes of choices, and of the first alternative from then on.
    pub fn new(choices: usize, draw: impl Fn(Choices) -> T + Send + Sync + 'static) -> Self {
        Self { choices, draw: Arc::new(draw) }
    }
}

impl<T> Clone for Drawn<T> {
    fn clone(&self) -> Self {
        Self { choices: self.choices, draw: Arc::clone(&self.draw) }
    }
}

impl<T> Debug for Drawn<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drawn").field("choices", &self.choices).finish_non_exhaustive()
    }
}

impl<T: Debug> Strategy for Drawn<T> {
    type Tree = DrawnTree<T>;
    type Value = T;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let mut random = SplitMix64 { state: any::<u64>().new_tree(runner)?.current() };
        let bytes: Vec<u8> = (0..self.choices).map(|_| random.byte()).collect();
        Ok(DrawnTree {
            draw: Arc::clone(&self.draw),
            failing: bytes.clone(),
            stretch: bytes.len(),
            start: 0,
            bytes,
        })
    }
}

/// A value of a [`Drawn`] strategy and the way to simpler ones.
pub struct DrawnTree<T> {
    draw: Draw<T>,
    bytes: Vec<u8>,
    /// The bytes of the last value that failed.
    failing: Vec<u8>,
    /// The length of the stretches that are being zeroed.
    stretch: usize,
    /// Where the next one begins.
    start: usize,
}

impl<T> Debug for DrawnTree<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DrawnTree").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl<T> DrawnTree<T> {
    fn zero_next_stretch(&mut self) -> bool {
        while self.stretch > 0 {
            let end = self.start.saturating_add(self.stretch).min(self.bytes.len());
            let stretch = self.bytes.get_mut(self.start..end).unwrap_or_default();
            self.start = end;
            if end == self.failing.len() {
                self.start = 0;
                self.stretch = self.stretch.checked_div(2).unwrap_or(0);
            }
            if stretch.iter().any(|byte| *byte != 0) {
                stretch.fill(0);
                return true;
            }
        }
        false
    }
}

impl<T: Debug> ValueTree for DrawnTree<T> {
    type Value = T;

    fn current(&self) -> T {
        (self.draw)(Choices::from_bytes(&self.bytes))
    }

    fn simplify(&mut self) -> bool {
        self.failing.clone_from(&self.bytes);
        self.zero_next_stretch()
    }

    fn complicate(&mut self) -> bool {
        self.bytes.clone_from(&self.failing);
        self.zero_next_stretch()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_case_shrinks_to_what_makes_it_fail() {
        let pairs = Drawn::new(64, |mut choices| [(); 40].map(|()| choices.below(200)));
        let mut tree = pairs.new_tree(&mut TestRunner::deterministic()).unwrap();
        let fails = |value: &[usize]| value.iter().any(|number| *number > 100);
        assert!(fails(&tree.current()));
        let mut more = tree.simplify();
        while more {
            more = if fails(&tree.current()) { tree.simplify() } else { tree.complicate() };
        }
        let value = tree.current();
        assert!(fails(&value));
        assert_eq!(value.iter().filter(|number| **number != 0).count(), 1, "{value:?}");
    }
}

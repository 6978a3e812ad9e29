//! A uniform sample of values whose number is not known before: Vitter's algorithm R.

#[derive(Debug)]
pub(super) struct Sample {
    values: Vec<u64>,
    most: usize,
    seen: u64,
    random: u64,
}

impl Sample {
    /// An empty one that keeps `most` values.
    pub(super) fn new(most: usize) -> Self {
        Self { values: Vec::new(), most, seen: 0, random: 0x9E37_79B9_7F4A_7C15 }
    }

    pub(super) fn add(&mut self, value: u64) {
        self.seen += 1;
        if self.values.len() < self.most {
            self.values.push(value);
            return;
        }
        let place = self.below(self.seen);
        if let Some(kept) = usize::try_from(place).ok().and_then(|place| self.values.get_mut(place)) {
            *kept = value;
        }
    }

    pub(super) fn values(&self) -> &[u64] {
        &self.values
    }

    /// A number below `end` (xorshift; chosen by its upper bits, whose bias is far below the sample's own noise).
    fn below(&mut self, end: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        ((u128::from(self.random) * u128::from(end)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_all_kept() {
        let mut sample = Sample::new(100);
        (0..100).for_each(|value| sample.add(value));
        assert_eq!(sample.values(), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn of_many_each_part_is_represented() {
        let mut sample = Sample::new(1_000);
        (0..100_000).for_each(|value| sample.add(value));
        assert_eq!(sample.values().len(), 1_000);
        for tenth in 0..10 {
            let range = tenth * 10_000..(tenth + 1) * 10_000;
            let kept = sample.values().iter().filter(|value| range.contains(*value)).count();
            // Expected are 100 with a deviation of 9.5; what is drawn is the same in each run.
            assert!((60..=140).contains(&kept), "{kept} of tenth {tenth}");
        }
    }
}

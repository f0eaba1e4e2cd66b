//! Numbers that look thrown and are the same in every run: splitmix64 (Steele, Lea and Flood, 2014).

/// Thrown anew for each thing that is decided by it, so that the order of the deciding does not matter.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// Those of one thing, by its number.
    pub(crate) const fn of(number: u64) -> Self {
        Self(number.wrapping_mul(0xD134_2543_DE82_EF95))
    }

    /// A number below `most`, which is not zero.
    pub(crate) const fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % most
    }

    /// One of these, each as likely as the others.
    pub(crate) fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let place = self.below(of.len() as u64);
        &of[usize::try_from(place).expect("a place in a slice")]
    }
}

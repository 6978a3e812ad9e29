//! Colours, one for each mode and everywhere the same. The set is told apart with any of the usual colour blindnesses
//! (Okabe and Ito's, darkened where text would be too pale on white), and marks differ, too.

use crate::results::Mode;

pub(super) type Colour = (u8, u8, u8);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Disc,
    Ring,
    Triangle,
    Cross,
    Square,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ink {
    pub(super) colour: Colour,
    pub(super) mark: Mark,
    pub(super) width: u32,
    pub(super) dashed: bool,
}

impl Ink {
    const fn new(colour: Colour, mark: Mark) -> Self {
        Self { colour, mark, width: 4, dashed: false }
    }

    pub(crate) fn of(mode: Mode) -> Self {
        match mode {
            Mode::Splashdam => Self { width: 11, ..Self::new((0, 98, 168), Mark::Disc) },
            Mode::Sync => Self::new((203, 79, 0), Mark::Triangle),
            Mode::Queue => Self::new((166, 106, 0), Mark::Cross),
            Mode::Stdout => Self::new((0, 133, 98), Mark::Square),
            Mode::Null => Self::new((85, 85, 85), Mark::Ring),
            Mode::None => Self { dashed: true, ..Self::new((130, 130, 130), Mark::Ring) },
            Mode::Shipper => Self::shipper(Some(0)),
        }
    }

    /// Ours with a spool, where it stands beside ours without.
    pub(crate) fn spool() -> Self {
        Self { dashed: true, ..Self::new((12, 34, 84), Mark::Square) }
    }

    /// What a source document measured.
    pub(crate) fn document() -> Self {
        Self { dashed: true, ..Self::new((140, 81, 160), Mark::Cross) }
    }

    /// Ours; or another in our place, by its number among the others.
    pub(crate) fn shipper(other: Option<usize>) -> Self {
        const OTHERS: [(Colour, Mark); 4] = [
            ((203, 79, 0), Mark::Triangle),
            ((140, 81, 160), Mark::Square),
            ((0, 133, 98), Mark::Cross),
            ((120, 94, 60), Mark::Ring),
        ];
        match other {
            None => Self::of(Mode::Splashdam),
            Some(number) => {
                OTHERS.get(number % OTHERS.len()).map_or(Self::document(), |(colour, mark)| Self::new(*colour, *mark))
            }
        }
    }

    /// Steps of one quantity: a set in which order shows.
    pub(crate) fn step(number: usize) -> Self {
        const STEPS: [(Colour, Mark); 4] = [
            ((0, 98, 168), Mark::Disc),
            ((203, 79, 0), Mark::Triangle),
            ((0, 133, 98), Mark::Square),
            ((140, 81, 160), Mark::Cross),
        ];
        STEPS.get(number % STEPS.len()).map_or(Self::document(), |(colour, mark)| Self::new(*colour, *mark))
    }

    pub(crate) fn dashed(self) -> Self {
        Self { dashed: true, ..self }
    }

    pub(crate) fn thin(self) -> Self {
        Self { width: 4, ..self }
    }

    /// For style sheets.
    pub(crate) fn css(self) -> String {
        let (red, green, blue) = self.colour;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance by WCAG, to compare with white.
    fn contrast((red, green, blue): Colour) -> f64 {
        let part = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.03928 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        1.05 / (0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue) + 0.05)
    }

    #[test]
    fn every_mode_has_a_colour_of_its_own_that_can_be_read_on_white() {
        let mut seen = std::collections::BTreeSet::new();
        for mode in Mode::ALL {
            let ink = Ink::of(mode);
            assert!(seen.insert(ink.colour), "{mode}");
            assert!(contrast(ink.colour) > 3.0, "{mode}: {}", contrast(ink.colour));
        }
        assert!(Mode::ALL
            .iter()
            .all(|mode| *mode == Mode::Splashdam || Ink::of(*mode).width < Ink::of(Mode::Splashdam).width));
    }
}

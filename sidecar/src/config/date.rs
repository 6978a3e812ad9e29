//! A calendar day in UTC, as stream names carry it. Reads no clock.

use std::fmt;

const MS_PER_DAY: i64 = 86_400_000;

/// A day in UTC; shown as `2025-03-09`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UtcDate {
    days: i64,
}

impl UtcDate {
    /// The day of a timestamp in milliseconds since 1970.
    pub fn from_unix_ms(ms: i64) -> Self {
        Self { days: ms.div_euclid(MS_PER_DAY) }
    }
}

impl fmt::Display for UtcDate {
    /// Days to civil date (Howard Hinnant's algorithm): years are taken to begin in March, so that the leap
    /// day is the last.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.days + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_741_478_400, "2025-03-09"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(UtcDate::from_unix_ms(seconds * 1_000).to_string(), text);
        }
        UtcDate::from_unix_ms(i64::MIN).to_string();
        UtcDate::from_unix_ms(i64::MAX).to_string();
    }
}

//! The account: how records came and how they ended. Every record ends in exactly one of these ways.

use std::ops::AddAssign;

/// Why CloudWatch refused a record for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rejected {
    /// More than two hours in the future.
    TooNew,
    /// More than 14 days old.
    TooOld,
    /// Older than the group's retention.
    Expired,
    /// Refused by itself while its neighbours were accepted.
    Invalid,
}

/// Why we gave a record up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dropped {
    /// No room, by the overflow policy.
    Overflow,
    /// The shutdown deadline came first.
    Shutdown,
    /// Shipping is disabled by configuration.
    Disabled,
    /// Its text was empty, which CloudWatch does not take.
    Empty,
    /// What stood on disk cannot be read any more.
    Corrupt,
}

/// Why a call failed, other than that we were too fast, or could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failed {
    /// No connection, no answer, or one that says "later".
    Unavailable,
    /// We may not write there, or what we would write to is missing and we may not create it: somebody must act.
    Forbidden,
    /// The request itself was refused.
    Refused,
    /// No call was made: no source has credentials, or there is no region. It may pass, or somebody must act.
    Credentials,
}

macro_rules! reasons {
    ($type:ident: $($variant:ident = $name:literal),+ $(,)?) => {
        impl $type {
            /// All reasons, in the order of their counters.
            pub const ALL: &'static [$type] = &[$($type::$variant),+];

            /// The value of the `reason` label.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $($type::$variant => $name),+ }
            }
        }
    };
}

reasons!(Rejected: TooNew = "too_new", TooOld = "too_old", Expired = "expired", Invalid = "invalid");
reasons!(
    Dropped: Overflow = "overflow", Shutdown = "shutdown", Disabled = "disabled", Empty = "empty", Corrupt = "corrupt"
);
reasons!(Failed: Unavailable = "unavailable", Forbidden = "forbidden", Refused = "refused", Credentials = "credentials");

/// Counts of records. `received + recovered + generated = delivered + rejected + dropped + spooled + in memory`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Taken in from clients.
    pub received: u64,
    /// Found on disk at start. Falls where it turns out that some of them had ended before a kill.
    pub recovered: u64,
    /// Made by ourselves: loss markers.
    pub generated: u64,
    /// Accepted by CloudWatch.
    pub delivered: u64,
    rejected: [u64; Rejected::ALL.len()],
    dropped: [u64; Dropped::ALL.len()],
    /// Records that were in attempts whose outcome nobody knows and that were sent again.
    pub possible_duplicates: u64,
    /// Losses that clients told us of.
    pub client_lost: u64,
}

impl Account {
    /// Counts `records` as rejected.
    pub fn reject(&mut self, reason: Rejected, records: u64) {
        self.rejected[reason as usize] += records;
    }

    /// Counts `records` as dropped.
    pub fn drop(&mut self, reason: Dropped, records: u64) {
        self.dropped[reason as usize] += records;
    }

    /// Records rejected for one reason.
    #[must_use]
    pub fn rejected_for(&self, reason: Rejected) -> u64 {
        self.rejected[reason as usize]
    }

    /// Records dropped for one reason.
    #[must_use]
    pub fn dropped_for(&self, reason: Dropped) -> u64 {
        self.dropped[reason as usize]
    }

    /// Records rejected in all.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.rejected.iter().sum()
    }

    /// Records dropped in all.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.iter().sum()
    }

    /// Records that came, however they came.
    #[must_use]
    pub fn came(&self) -> u64 {
        self.received + self.recovered + self.generated
    }

    /// Records that have an outcome.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.delivered + self.rejected() + self.dropped()
    }

    /// Whether something was lost that nobody asked to lose.
    #[must_use]
    pub fn has_loss(&self) -> bool {
        self.rejected() > 0 || self.dropped() > self.dropped_for(Dropped::Disabled) || self.client_lost > 0
    }
}

impl AddAssign<&Account> for Account {
    fn add_assign(&mut self, other: &Account) {
        self.received += other.received;
        self.recovered += other.recovered;
        self.generated += other.generated;
        self.delivered += other.delivered;
        self.rejected.iter_mut().zip(other.rejected).for_each(|(sum, more)| *sum += more);
        self.dropped.iter_mut().zip(other.dropped).for_each(|(sum, more)| *sum += more);
        self.possible_duplicates += other.possible_duplicates;
        self.client_lost = self.client_lost.saturating_add(other.client_lost);
    }
}

/// How one record ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Accepted by CloudWatch.
    Delivered,
    /// Refused for good.
    Rejected(Rejected),
    /// Given up.
    Dropped(Dropped),
}

impl Account {
    /// Counts `records` that ended in one way.
    pub fn end(&mut self, end: End, records: u64) {
        match end {
            End::Delivered => self.delivered += records,
            End::Rejected(reason) => self.reject(reason, records),
            End::Dropped(reason) => self.drop(reason, records),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_is_counted_once() {
        let mut account = Account { received: 10, ..Account::default() };
        account.end(End::Delivered, 4);
        for (index, reason) in Rejected::ALL.iter().enumerate() {
            account.end(End::Rejected(*reason), 1);
            assert_eq!(account.rejected(), index as u64 + 1);
            assert_eq!(account.rejected_for(*reason), 1);
        }
        account.end(End::Dropped(Dropped::Disabled), 2);
        assert_eq!(account.came(), account.ended());
        let mut sum = account;
        sum += &account;
        assert_eq!((sum.came(), sum.ended()), (20, 20));
    }

    #[test]
    fn every_field_is_summed_for_itself() {
        let mut one = Account { received: 100, recovered: 20, generated: 3, delivered: 60, ..Account::default() };
        (one.possible_duplicates, one.client_lost) = (7, 9);
        one.reject(Rejected::TooOld, 5);
        one.drop(Dropped::Empty, 4);
        assert_eq!((one.came(), one.ended()), (123, 69));
        let mut sum = Account { received: 1, delivered: 1, client_lost: u64::MAX - 10, ..Account::default() };
        sum += &one;
        sum += &one;
        let of = |sum: &Account| (sum.received, sum.recovered, sum.generated, sum.delivered, sum.possible_duplicates);
        assert_eq!(of(&sum), (201, 40, 6, 121, 14));
        assert_eq!((sum.rejected_for(Rejected::TooOld), sum.dropped_for(Dropped::Empty)), (10, 8));
        assert_eq!((sum.rejected(), sum.dropped(), sum.client_lost), (10, 8, u64::MAX));
    }

    #[test]
    fn what_a_client_or_cloudwatch_lost_is_a_loss() {
        let mut rejected = Account::default();
        rejected.reject(Rejected::Expired, 1);
        assert!(rejected.has_loss() && Account { client_lost: 1, ..Account::default() }.has_loss());
    }

    #[test]
    fn what_was_disabled_is_no_loss() {
        let mut account = Account::default();
        account.drop(Dropped::Disabled, 5);
        assert!(!account.has_loss());
        account.drop(Dropped::Overflow, 1);
        assert!(account.has_loss());
    }
}

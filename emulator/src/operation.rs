//! The operations this endpoint knows.

/// One operation of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Operation {
    PutLogEvents,
    CreateLogGroup,
    CreateLogStream,
    PutRetentionPolicy,
    TagResource,
    DescribeLogGroups,
    DescribeLogStreams,
    GetLogEvents,
    DeleteLogGroup,
    DeleteLogStream,
}

impl Operation {
    pub(crate) const ALL: [Self; 10] = [
        Self::PutLogEvents,
        Self::CreateLogGroup,
        Self::CreateLogStream,
        Self::PutRetentionPolicy,
        Self::TagResource,
        Self::DescribeLogGroups,
        Self::DescribeLogStreams,
        Self::GetLogEvents,
        Self::DeleteLogGroup,
        Self::DeleteLogStream,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::PutLogEvents => "PutLogEvents",
            Self::CreateLogGroup => "CreateLogGroup",
            Self::CreateLogStream => "CreateLogStream",
            Self::PutRetentionPolicy => "PutRetentionPolicy",
            Self::TagResource => "TagResource",
            Self::DescribeLogGroups => "DescribeLogGroups",
            Self::DescribeLogStreams => "DescribeLogStreams",
            Self::GetLogEvents => "GetLogEvents",
            Self::DeleteLogGroup => "DeleteLogGroup",
            Self::DeleteLogStream => "DeleteLogStream",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }

    /// Reads an `X-Amz-Target` header.
    pub(crate) fn from_target(target: &str) -> Option<Self> {
        Self::named(target.strip_prefix("Logs_20140328.")?)
    }

    /// The account's quota in calls a second, where AWS states one.
    pub(crate) fn quota(self) -> Option<f64> {
        match self {
            Self::PutLogEvents => Some(5_000.0),
            Self::CreateLogStream => Some(50.0),
            Self::DescribeLogStreams => Some(25.0),
            Self::DescribeLogGroups => Some(10.0),
            Self::PutRetentionPolicy | Self::TagResource => Some(5.0),
            _ => None,
        }
    }
}

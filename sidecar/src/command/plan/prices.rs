//! What CloudWatch Logs costs: a small dated table, and a file that takes its place. Prices change; nobody should trust ours for long.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// A price list.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// Which region's.
    pub region: String,
    /// Of which day or month.
    pub as_of: String,
    /// Where they were found.
    pub source: String,
    /// What they are in.
    #[serde(default = "usd")]
    pub currency: String,
    /// For taking a GB (10^9 bytes) in.
    pub ingestion_per_gb: f64,
    /// For keeping a GB for a month, as it is stored.
    pub storage_per_gb_month: f64,
    /// Bytes stored for a byte taken in: CloudWatch compresses.
    #[serde(default = "stored_share")]
    pub stored_share: f64,
}

fn usd() -> String {
    "USD".to_owned()
}

/// What Amazon's own calculator assumes (calculator.aws, 100 GB × 0.15 storage compression factor).
fn stored_share() -> f64 {
    0.15
}

impl Prices {
    /// The list that holds where no file is given. The free tier (5 GB a month) is left out.
    #[must_use]
    pub fn built_in() -> Self {
        Prices {
            region: "us-east-1".to_owned(),
            as_of: "2026-06".to_owned(),
            source: "aws.amazon.com/cloudwatch/pricing, standard class, as quoted by c3x.dev in June 2026".to_owned(),
            currency: usd(),
            ingestion_per_gb: 0.50,
            storage_per_gb_month: 0.03,
            stored_share: stored_share(),
        }
    }

    /// Reads a file of TOML. The error names the file and says what to do.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("cannot read the prices in {}: {error}", path.display()))?;
        Self::parse(&text).map_err(|what| format!("the prices in {}: {what}", path.display()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let prices: Self = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        for (key, value) in [
            ("ingestion_per_gb", prices.ingestion_per_gb),
            ("storage_per_gb_month", prices.storage_per_gb_month),
            ("stored_share", prices.stored_share),
        ] {
            if !(0.0..=1e6).contains(&value) {
                return Err(format!("{key} = {value} is no price: give a number from 0 on"));
            }
        }
        let texts = [
            ("region", &prices.region),
            ("as_of", &prices.as_of),
            ("source", &prices.source),
            ("currency", &prices.currency),
        ];
        for (key, text) in texts {
            if text.trim().is_empty() || text.contains(['|', '\n', '\r']) {
                return Err(format!("{key} is empty, or cannot stand in a table: say it in one line without |"));
            }
        }
        Ok(prices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "region = \"eu-central-1\"\nas_of = \"2026-11\"\nsource = \"our contract\"\n\
                        ingestion_per_gb = 0.63\nstorage_per_gb_month = 0.0324\n";

    #[test]
    fn a_file_takes_the_place_of_ours() {
        let prices = Prices::parse(FILE).unwrap();
        assert_eq!((prices.ingestion_per_gb, prices.storage_per_gb_month, prices.stored_share), (0.63, 0.0324, 0.15));
        assert_eq!((prices.region.as_str(), prices.currency.as_str()), ("eu-central-1", "USD"));
    }

    #[test]
    fn a_price_without_a_date_or_below_nothing_is_refused() {
        for (from, to, part) in [
            ("as_of = \"2026-11\"\n", "", "as_of"),
            ("0.63", "-0.63", "no price"),
            ("0.63", "nan", "no price"),
            ("our contract", "a|b", "source"),
            ("ingestion_per_gb", "ingestion", "unknown field"),
            ("0.63", "\"0.63\"", "invalid type"),
        ] {
            let error = Prices::parse(&FILE.replace(from, to)).unwrap_err();
            assert!(error.contains(part), "{part}: {error}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Prices::read(Path::new("/nowhere/prices.toml")).unwrap_err();
        assert!(error.contains("/nowhere/prices.toml"), "{error}");
    }
}

//! Whom to trust: the system's roots, or the bundle that `AWS_CA_BUNDLE` names (which the SDK itself does not read).

use std::path::{Path, PathBuf};

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::CertificateDer;

/// The variable that names a PEM file of private roots; AWS's other tools know it, too.
pub(crate) const CA_BUNDLE: &str = "AWS_CA_BUNDLE";

/// A bundle that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The file cannot be read.
    #[error("{CA_BUNDLE}={path}: cannot read it: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not certificates in PEM.
    #[error("{CA_BUNDLE}={path}: {what}; it takes certificates in PEM form")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

/// The trust for connections: private roots from `bundle` alone, or the system's.
pub(crate) fn context(bundle: Option<&Path>) -> Result<TlsContext, BundleError> {
    let store = match bundle {
        None => TrustStore::default(),
        Some(path) => {
            let source = |source| BundleError::Unreadable { path: path.to_owned(), source };
            let pem = std::fs::read(path).map_err(source)?;
            let invalid = |what: String| BundleError::Invalid { path: path.to_owned(), what };
            check(&pem).map_err(&invalid)?;
            TrustStore::empty().with_pem_certificate(pem)
        }
    };
    let failed = |error: Box<dyn std::error::Error>| BundleError::Invalid {
        path: bundle.map(Path::to_owned).unwrap_or_default(),
        what: error.to_string(),
    };
    TlsContext::builder().with_trust_store(store).build().map_err(|error| failed(error.into()))
}

/// The SDK panics on a bad bundle, so it never sees one.
fn check(pem: &[u8]) -> Result<(), String> {
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| format!("certificate {}: {error}", count + 1))?;
        let mut store = rustls::RootCertStore::empty();
        store.add(certificate).map_err(|error| format!("certificate {}: {error}", count + 1))?;
        count += 1;
    }
    if count == 0 {
        return Err("it holds no certificate".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context_of(text: &str) -> Result<TlsContext, BundleError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        std::fs::write(&path, text).unwrap();
        context(Some(&path))
    }

    #[test]
    fn a_bad_bundle_is_a_clear_error_and_no_panic() {
        let missing = context(Some(Path::new("/nowhere/ca.pem"))).unwrap_err().to_string();
        assert!(missing.contains("/nowhere/ca.pem") && missing.contains("cannot read"), "{missing}");
        for (text, word) in [
            ("", "no certificate"),
            ("garbage", "no certificate"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate 1"),
        ] {
            let told = context_of(text).unwrap_err().to_string();
            assert!(told.contains(word), "{told}");
        }
    }
}

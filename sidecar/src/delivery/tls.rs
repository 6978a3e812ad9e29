//! Whom to trust: the system's roots, or the bundle that `AWS_CA_BUNDLE` names (which the SDK itself does not read).
//!
//! The system's are those of `SSL_CERT_FILE` and `SSL_CERT_DIR`, else of the usual places, such as
//! `/etc/ssl/certs/ca-certificates.crt`. An image `FROM scratch` has none unless they are put there.

use std::path::{Path, PathBuf};

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::CertificateDer;

/// The variable that names a PEM file of private roots; AWS's other tools know it, too.
pub(crate) const CA_BUNDLE: &str = "AWS_CA_BUNDLE";

/// Why nobody could be trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
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
    /// The system has no roots.
    #[error("no trusted root certificates: {looked}; mount some, or name a PEM file in {CA_BUNDLE}")]
    NoRoots {
        /// Where they were looked for, and what was found there.
        looked: String,
    },
}

/// How each certificate of a bundle begins.
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";

/// How much the system's roots matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Roots {
    /// Without them no call can be made.
    Needed,
    /// CloudWatch is reached without TLS; STS may want them.
    Useful,
    /// No call will be made.
    Unneeded,
}

/// The trust for connections: private roots from `bundle` alone, or the system's.
pub(crate) fn context(bundle: Option<&Path>, roots: Roots) -> Result<TlsContext, TrustError> {
    let store = match bundle {
        None => system(roots)?,
        Some(path) => {
            let source = |source| TrustError::Unreadable { path: path.to_owned(), source };
            let pem = std::fs::read(path).map_err(source)?;
            let invalid = |what: String| TrustError::Invalid { path: path.to_owned(), what };
            let (good, bad) = usable(&pem);
            match bad.first() {
                Some(first) if good.is_empty() => return Err(invalid(first.clone())),
                None if good.is_empty() => return Err(invalid("it holds no certificate".to_owned())),
                Some(first) => {
                    let (path, left_out) = (path.display(), bad.len());
                    tracing::warn!(%path, left_out, first, "some certificates cannot be used and are left out");
                }
                None => {}
            }
            TrustStore::empty().with_pem_certificate(good)
        }
    };
    let failed = |error: Box<dyn std::error::Error>| TrustError::Invalid {
        path: bundle.map(Path::to_owned).unwrap_or_default(),
        what: error.to_string(),
    };
    TlsContext::builder().with_trust_store(store).build().map_err(|error| failed(error.into()))
}

/// The system's roots, if there are any: without, the SDK would find out at each call anew, in other words.
fn system(roots: Roots) -> Result<TrustStore, TrustError> {
    if roots == Roots::Unneeded {
        return Ok(TrustStore::empty());
    }
    let found = rustls_native_certs::load_native_certs();
    let (usable, _) = rustls::RootCertStore::empty().add_parsable_certificates(found.certs);
    if usable > 0 {
        return Ok(TrustStore::default());
    }
    let variable = |name: &str| std::env::var(name).ok().map(|path| format!("{name}={path}"));
    let places: Vec<_> = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter_map(variable).collect();
    let mut looked = match places.is_empty() {
        true => "none in the system's places, such as /etc/ssl/certs/ca-certificates.crt".to_owned(),
        false => format!("none in {}", places.join(" and ")),
    };
    if let Some(error) = found.errors.first() {
        looked = format!("{looked} ({error})");
    }
    let error = TrustError::NoRoots { looked };
    if roots == Roots::Needed {
        return Err(error);
    }
    tracing::warn!(%error, "the endpoint goes without TLS, but anything else over HTTPS, such as STS, will fail");
    Ok(TrustStore::empty())
}

/// The certificates that can be used, and what is wrong with the others. The SDK panics on a bad one, so it never sees any.
fn usable(pem: &[u8]) -> (Vec<u8>, Vec<String>) {
    let text = String::from_utf8_lossy(pem);
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for (index, block) in text.split(BEGIN).skip(1).enumerate() {
        let block = format!("{BEGIN}{block}");
        let parsed = CertificateDer::from_pem_slice(block.as_bytes()).map_err(|error| error.to_string());
        let mut store = rustls::RootCertStore::empty();
        match parsed.and_then(|certificate| store.add(certificate).map_err(|error| error.to_string())) {
            Ok(()) => good.extend_from_slice(block.as_bytes()),
            Err(error) => bad.push(format!("certificate {}: {error}", index + 1)),
        }
    }
    (good, bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context_of(text: &str) -> Result<TlsContext, TrustError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        std::fs::write(&path, text).unwrap();
        context(Some(&path), Roots::Needed)
    }

    #[test]
    fn a_bad_bundle_is_a_clear_error_and_no_panic() {
        let missing = context(Some(Path::new("/nowhere/ca.pem")), Roots::Needed).unwrap_err().to_string();
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
    #[test]
    fn one_bad_certificate_spoils_no_bundle() {
        let key = rcgen::KeyPair::generate().unwrap();
        let good = rcgen::CertificateParams::new(["ca".to_owned()]).unwrap().self_signed(&key).unwrap().pem();
        let odd = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let bundle = format!("# odd\n{odd}# good\n{good}{odd}-----BEGIN CERTIFICATE-----\nTRUNC");
        let (usable, bad) = super::usable(bundle.as_bytes());
        assert_eq!(CertificateDer::pem_slice_iter(&usable).filter_map(Result::ok).count(), 1);
        assert_eq!(bad.len(), 3, "{bad:?}");
        assert!(bad[0].starts_with("certificate 1: ") && bad[1].starts_with("certificate 3: "), "{bad:?}");
        assert!(context_of(&bundle).is_ok());
    }
}

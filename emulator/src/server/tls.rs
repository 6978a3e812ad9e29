//! HTTPS: an identity from files, or one made at start.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;

use crate::config::TlsSource;
use crate::error::Error;

/// What a certificate of our own is good for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

pub(crate) fn acceptor(source: &TlsSource) -> Result<TlsAcceptor, Error> {
    let (certificates, key) = match source {
        TlsSource::Files { cert, key } => from_files(cert, key)?,
        TlsSource::SelfSigned { ca_out } => self_signed(ca_out.as_deref())?,
    };
    // The provider is named here: a process that embeds us may have none installed, or another.
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Tls(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|error| Error::Tls(error.to_string()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn from_files(cert: &Path, key: &Path) -> Result<Identity, Error> {
    let wrong = |path: &Path, error: String| Error::Tls(format!("{}: {error}", path.display()));
    let certificates = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .map_err(|error| wrong(cert, error.to_string()))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, error.to_string()))?;
    Ok((certificates, key))
}

fn self_signed(ca_out: Option<&Path>) -> Result<Identity, Error> {
    let made = rcgen::generate_simple_self_signed(NAMES.map(String::from));
    let made = made.map_err(|error| Error::Tls(error.to_string()))?;
    if let Some(path) = ca_out {
        std::fs::write(path, made.cert.pem())
            .map_err(|error| Error::Tls(format!("cannot write {}: {error}", path.display())))?;
    }
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der());
    Ok((vec![made.cert.der().clone()], key.map_err(|error| Error::Tls(error.to_owned()))?))
}

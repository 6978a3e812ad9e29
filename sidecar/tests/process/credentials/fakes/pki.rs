//! A private CA, and a server's identity by it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::ServerConfig;

/// Whoever trusts it trusts the fakes.
#[derive(Debug)]
pub(crate) struct Authority {
    pem: PathBuf,
    server: Arc<ServerConfig>,
}

impl Authority {
    /// Its certificate stands in `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap();
        let pem = folder.join("ca.pem");
        std::fs::write(&pem, root.pem()).unwrap();
        let issuer = Issuer::new(params, key);
        Authority { pem, server: server(&issuer) }
    }

    pub(crate) fn pem(&self) -> &Path {
        &self.pem
    }

    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server)
    }
}

fn server(issuer: &Issuer<'_, KeyPair>) -> Arc<ServerConfig> {
    let names = ["localhost", "127.0.0.1", super::LOGS_HOST, super::STS_HOST].map(String::from);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(names).unwrap().signed_by(&key, issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .unwrap();
    Arc::new(config)
}

//! What a sidecar knows about the pod that it runs in.

use std::collections::BTreeMap;
use std::path::Path;

const NAMESPACE_FILE: &str = "var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// Names for stream templates: from the downward API's variables, and from what every container can see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodFacts {
    /// `HOSTNAME`, else what the kernel says.
    pub hostname: String,
    /// `POD_NAME`, else the host name, which Kubernetes makes the pod's name.
    pub pod: String,
    /// What Clowder calls the app, for clients that do not say what they are.
    pub app: Option<String>,
    /// `POD_NAMESPACE`, else the service account's file; not known outside of Kubernetes.
    pub namespace: Option<String>,
}

impl PodFacts {
    /// Looks in the variables, then below `root` and at the kernel.
    pub(crate) fn find(root: &Path, variables: &BTreeMap<String, String>) -> Self {
        let variable = |name: &str| variables.get(name).filter(|value| !value.is_empty()).cloned();
        let hostname = variable("HOSTNAME").unwrap_or_else(kernel_hostname);
        Self {
            pod: variable("POD_NAME").unwrap_or_else(|| hostname.clone()),
            app: None,
            namespace: variable("POD_NAMESPACE").or_else(|| namespace_of(root)),
            hostname,
        }
    }
}

impl Default for PodFacts {
    fn default() -> Self {
        Self { hostname: "localhost".to_owned(), pod: "localhost".to_owned(), app: None, namespace: None }
    }
}

fn kernel_hostname() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() {
        "localhost".to_owned()
    } else {
        name
    }
}

fn namespace_of(root: &Path) -> Option<String> {
    let text = std::fs::read_to_string(root.join(NAMESPACE_FILE)).ok()?;
    Some(text.trim().to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn variables_come_first() {
        let root = tempfile::tempdir().unwrap();
        let facts =
            PodFacts::find(root.path(), &variables(&[("HOSTNAME", "h"), ("POD_NAME", "p"), ("POD_NAMESPACE", "n")]));
        assert_eq!(facts, PodFacts { hostname: "h".into(), pod: "p".into(), app: None, namespace: Some("n".into()) });
    }

    #[test]
    fn without_variables_the_machine_is_asked() {
        let root = tempfile::tempdir().unwrap();
        let facts = PodFacts::find(root.path(), &variables(&[("POD_NAME", "")]));
        assert!(!facts.hostname.is_empty());
        assert_eq!(facts.pod, facts.hostname);
        assert_eq!(facts.namespace, None);

        let file = root.path().join(NAMESPACE_FILE);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, "shop\n").unwrap();
        assert_eq!(PodFacts::find(root.path(), &variables(&[])).namespace.as_deref(), Some("shop"));
    }
}

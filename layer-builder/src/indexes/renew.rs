//! What to do where credentials are refused.

/// A hint for whoever is refused at `host`, which may have a port. Tokens of AWS's own service are known to end.
pub fn renewal(host: &str) -> String {
    match code_artifact(host) {
        Some((domain, owner, region)) => format!(
            "a token of CodeArtifact lasts 12 hours at most, and this one may have expired: put a new one in its place, \
             from `aws codeartifact get-authorization-token --domain {domain} --domain-owner {owner} --region {region} \
             --query authorizationToken --output text`"
        ),
        None => "they may have expired, as tokens do: put new ones in their place".to_owned(),
    }
}

/// A hint for whoever is refused at an index that a text names.
pub fn renewal_for(text: &str) -> String {
    let authority = |rest: &str| rest.split(['/', ' ', ')', '`', '\n']).next().unwrap_or_default().to_owned();
    let hosts = text.split("://").skip(1).map(authority);
    let host = hosts.filter(|host| code_artifact(host).is_some()).last().unwrap_or_default();
    format!(
        "the index has been shown no credentials, or it refuses them; if there are some, {}",
        renewal(&host)
    )
}

/// Domain, owner and region of `<domain>-<owner>.d.codeartifact.<region>.…`
/// (<https://docs.aws.amazon.com/codeartifact/latest/ug/python-configure.html>).
fn code_artifact(host: &str) -> Option<(&str, &str, &str)> {
    let host = host.rsplit('@').next()?.split(':').next()?;
    let labels: Vec<&str> = host.split('.').collect();
    let [name, "d", "codeartifact", region, ..] = labels.as_slice() else { return None };
    let (domain, owner) = name.rsplit_once('-')?;
    Some((domain, owner, region))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_aws_are_renewed_by_name() {
        let hint = renewal("my-team-123456789012.d.codeartifact.eu-west-1.example.test:443");
        assert!(hint.contains("--domain my-team --domain-owner 123456789012 --region eu-west-1"), "{hint}");
        assert!(!renewal("127.0.0.1:8000").contains("CodeArtifact"));
        let said = "hint: An index URL (https://****@a-1.d.codeartifact.us-west-2.example.test/pypi/x/simple) could not";
        assert!(
            renewal_for(said).contains("--domain a --domain-owner 1 --region us-west-2"),
            "{}",
            renewal_for(said)
        );
        assert!(renewal_for("no address").contains("may have expired"));
    }
}

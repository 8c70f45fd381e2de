//! The layer's bill of materials: CycloneDX 1.6 in JSON (<https://cyclonedx.org/docs/1.6/json/>).
//!
//! It depends on the layer alone: no time, no random number, the same text for the same zip.

use std::collections::BTreeSet;

use pep508_rs::PackageName;
use serde_json::{Value, json};

use super::inspect::Inspection;
use super::manifest::{Manifest, PackageRecord};
use crate::requirement;
use crate::target::{Architecture, PythonVersion, Target};

/// The bill of the layer that `manifest` is about; `inspection` looked into its zip.
pub fn of(manifest: &Manifest, inspection: &Inspection) -> String {
    let targets = targets(manifest);
    let layer = format!("layer:{}@{}", manifest.layer_name, manifest.sha256);
    let mut components = Vec::new();
    let mut dependencies = Vec::new();
    let mut required = BTreeSet::new();
    for package in &manifest.packages {
        let needs: BTreeSet<String> = requirements(package, inspection, &targets)
            .into_iter()
            .flat_map(|name| manifest.packages.iter().filter(move |other| name.as_ref() == other.name))
            .map(reference)
            .filter(|other| *other != reference(package))
            .collect();
        components.push(component(package, inspection));
        dependencies.push(json!({ "ref": reference(package), "dependsOn": needs }));
        required.extend(needs);
    }
    let roots: Vec<String> =
        manifest.packages.iter().map(reference).filter(|reference| !required.contains(reference)).collect();
    dependencies.insert(0, json!({ "ref": layer, "dependsOn": roots }));
    let property =
        |name: &str, value: &str| json!({ "name": format!("layer-builder:{name}"), "value": value });
    let runtimes = manifest.compatible_runtimes.iter().map(|runtime| property("runtime", runtime));
    let architectures = manifest.compatible_architectures.iter().map(|name| property("architecture", name));
    let mut subject = json!({
        "type": "library",
        "bom-ref": layer,
        "name": manifest.layer_name,
        "hashes": [{ "alg": "SHA-256", "content": manifest.sha256 }],
        "properties": runtimes.chain(architectures).collect::<Vec<_>>(),
    });
    if let Some(description) = &manifest.description {
        subject["description"] = json!(description);
    }
    if let Some(license) = &manifest.license {
        subject["licenses"] = licenses(license);
    }
    let bill = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": serial_number(&manifest.sha256.to_string()),
        "version": 1,
        "metadata": {
            "tools": { "components": [{
                "type": "application",
                "name": "layer-builder",
                "version": env!("CARGO_PKG_VERSION"),
            }] },
            "component": subject,
        },
        "components": components,
        "dependencies": dependencies,
    });
    format!("{bill:#}\n")
}

fn component(package: &PackageRecord, inspection: &Inspection) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": reference(package),
        "name": package.name,
        "version": package.version,
        "purl": reference(package),
        "hashes": [{ "alg": "SHA-256", "content": package.sha256 }],
        "properties": [{ "name": "layer-builder:source", "value": package.source }],
    });
    if let Some(license) = &package.license {
        component["licenses"] = licenses(license);
    }
    if let Some(summary) = inside(package, inspection).and_then(|inside| inside.summary.as_ref()) {
        component["description"] = json!(summary);
    }
    component
}

/// Ours are expressions; what somebody wrote into the table may be anything.
fn licenses(text: &str) -> Value {
    if super::licence::is_expression(text) {
        json!([{ "expression": text }])
    } else {
        json!([{ "license": { "name": text } }])
    }
}

/// The package URL: <https://github.com/package-url/purl-spec>.
fn reference(package: &PackageRecord) -> String {
    format!("pkg:pypi/{}@{}", package.name, package.version.replace('+', "%2B").replace('!', "%21"))
}

fn inside<'a>(package: &PackageRecord, inspection: &'a Inspection) -> Option<&'a super::inspect::Package> {
    inspection.packages.iter().find(|other| {
        other.name.parse::<PackageName>().is_ok_and(|name| name.as_ref() == package.name)
            && other.version == package.version
    })
}

/// What a package requires on any of the targets, without extras.
fn requirements(package: &PackageRecord, inspection: &Inspection, targets: &[Target]) -> Vec<PackageName> {
    let Some(inside) = inside(package, inspection) else { return Vec::new() };
    let parsed = inside.requires.iter().filter_map(|text| requirement::parse(text).ok());
    let holds = |requirement: &requirement::Requirement| {
        targets.iter().any(|target| requirement.marker.evaluate(&target.marker_environment(0), &[]))
    };
    parsed.filter(holds).map(|requirement| requirement.name).collect()
}

fn targets(manifest: &Manifest) -> Vec<Target> {
    let pythons = manifest.compatible_runtimes.iter().filter_map(|runtime| runtime.parse().ok());
    let architectures: Vec<Architecture> =
        manifest.compatible_architectures.iter().filter_map(|name| name.parse().ok()).collect();
    let of = |python: PythonVersion| {
        architectures
            .iter()
            .map(move |&architecture| Target { python, architecture, glibc_minor: 0 })
            .collect::<Vec<_>>()
    };
    pythons.flat_map(of).collect()
}

/// A UUID of version 8 (RFC 9562: of our own making) out of the zip's hash.
fn serial_number(sha256: &str) -> String {
    let part = |range: std::ops::Range<usize>| &sha256[range];
    format!("urn:uuid:{}-{}-8{}-8{}-{}", part(0..8), part(8..12), part(13..16), part(17..20), part(20..32))
}

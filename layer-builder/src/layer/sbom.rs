//! The layer's bill of materials: CycloneDX 1.6 in JSON (<https://cyclonedx.org/docs/1.6/json/>).
//!
//! It depends on the layer alone: no time, no random number, the same text for the same zip.

use std::collections::{BTreeMap, BTreeSet};

use pep508_rs::PackageName;
use serde_json::{Value, json};

use super::inspect::Inspection;
use super::manifest::{Manifest, PackageRecord};
use crate::hash::Sha256;
use crate::requirement;
use crate::target::{Architecture, PythonVersion, Target};

/// The bill of the layer that `manifest` is about; `inspection` looked into its zip.
pub fn of(manifest: &Manifest, inspection: &Inspection) -> String {
    let targets = targets(manifest);
    let layer = format!("layer:{}@{}", manifest.layer_name, manifest.sha256);
    // A package may have several wheels, for one Python each; a bill names it once.
    let mut packages: BTreeMap<String, Vec<&PackageRecord>> = BTreeMap::new();
    for wheel in &manifest.packages {
        packages.entry(reference(wheel)).or_default().push(wheel);
    }
    let mut components = Vec::new();
    let mut dependencies = Vec::new();
    let mut required = BTreeSet::new();
    for (reference, wheels) in &packages {
        let names = requirements(wheels[0], inspection, &targets);
        let is_needed = |other: &[&PackageRecord]| names.iter().any(|name| name.as_ref() == other[0].name);
        let needed = packages.iter().filter(|(other, wheels)| *other != reference && is_needed(wheels));
        let needed: Vec<&String> = needed.map(|(other, _)| other).collect();
        components.push(component(reference, wheels, inspection));
        dependencies.push(json!({ "ref": reference, "dependsOn": needed }));
        required.extend(needed);
    }
    let roots: Vec<&String> = packages.keys().filter(|reference| !required.contains(reference)).collect();
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

/// A package, with what is known of each of its wheels.
fn component(reference: &str, wheels: &[&PackageRecord], inspection: &Inspection) -> Value {
    let package = wheels[0];
    // Wheels that were built here all come from one source.
    let hashes: BTreeSet<Sha256> = wheels.iter().map(|wheel| wheel.sha256).collect();
    let sources: BTreeSet<&str> = wheels.iter().map(|wheel| wheel.source.as_str()).collect();
    let hash = |sha256: &Sha256| json!({ "alg": "SHA-256", "content": sha256 });
    let source = |source: &&str| json!({ "name": "layer-builder:source", "value": source });
    let mut component = json!({
        "type": "library",
        "bom-ref": reference,
        "name": package.name,
        "version": package.version,
        "purl": reference,
        "hashes": hashes.iter().map(hash).collect::<Vec<_>>(),
        "properties": sources.iter().map(source).collect::<Vec<_>>(),
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

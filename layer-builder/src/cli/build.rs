//! `build`, and what its flags ask for beside the zip.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use super::arguments::{BuildArgs, Compress, Format};
use super::{Door, Failure, config_failure, user_cache};
use crate::build::{self, Artifact, Options, Packing, Proofs, build};
use crate::layer::compress::Compression;
use crate::lock::uv::Network;
use crate::spec::{Spec, Variation};
use crate::target::Date;
use crate::ui::shown;

#[derive(Debug, thiserror::Error)]
#[error("`--sbom` writes the bill of one layer, and {0} are to be built")]
struct OneBill(usize);

#[derive(Debug, thiserror::Error)]
#[error("`{}` has several layers: {}", file.display(), names.join(", "))]
struct NotNamed {
    file: PathBuf,
    names: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
#[error("found no folder for temporary files: `{}` is not there", .0.display())]
struct NoTemporaryFolder(PathBuf);

#[derive(Debug, thiserror::Error)]
#[error("failed to write `{}`: there is no folder `{}`", bill.display(), folder.display())]
struct NoFolderForBill {
    bill: PathBuf,
    folder: PathBuf,
}

impl Door<'_> {
    pub(super) fn build(&self, args: &BuildArgs) -> Result<ExitCode, Failure> {
        let file = self.file()?;
        let layers = file.chosen(&args.layers).map_err(config_failure)?;
        if args.for_release && args.layers.is_empty() && layers.len() > 1 {
            let names = layers.iter().map(|layer| format!("`{}`", layer.name)).collect();
            let hint = format!("name those to release, for example `cargo xtask release {}`", layers[0].name);
            return Err(Failure::new(NotNamed { file: file.path.clone(), names }, Some(hint)));
        }
        if args.sbom.is_some() && layers.len() != 1 {
            let named = layers.iter().map(|layer| layer.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(Failure::new(
                OneBill(layers.len()),
                Some(format!("name the layer; there are {named}")),
            ));
        }
        // Before anything is built in vain.
        let folder = args.sbom.as_deref().and_then(Path::parent).filter(|folder| *folder != Path::new(""));
        if let (Some(bill), Some(folder)) = (&args.sbom, folder.filter(|folder| !folder.is_dir())) {
            let error = NoFolderForBill { bill: bill.clone(), folder: folder.to_path_buf() };
            return Err(Failure::new(error, Some("make it, or name another file with `--sbom`".to_owned())));
        }
        let temporary = std::env::temp_dir();
        if (args.smoke || args.verify || args.bytecode) && !temporary.is_dir() {
            let hint = "make it, or name another one in `TMPDIR`".to_owned();
            return Err(Failure::new(NoTemporaryFolder(temporary), Some(hint)));
        }
        let cache = user_cache()?;
        let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
        let compression = match args.compress {
            Compress::Copy => Compression::Copied,
            Compress::Max => Compression::Max,
        };
        let network = if args.offline { Network::Forbidden } else { Network::Allowed };
        let seconds =
            SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default();
        let today = Date::after_epoch(seconds / (24 * 60 * 60));
        let options = Options {
            upgrade: args.upgrade,
            locked: args.locked,
            network,
            today,
            packing: Packing { compression, bytecode: args.bytecode },
            proofs: Proofs { smoke: args.smoke, verify: args.verify },
        };
        // What is not committed cannot be fresh in a fresh checkout.
        let options_for =
            |spec: &Spec<'_>| Options { locked: options.locked || in_ci && !spec.follows_branch, ..options };
        let variation = Variation {
            raw: args.raw,
            branch: args.branch.clone(),
            pythons: args.python.clone(),
            architectures: args.arch.clone(),
        };
        if let Some(name) = &args.explain {
            return Ok(self.each("explain", &layers, |layer| {
                let spec = Spec::varied(file.folder(), &file.layers, layer, &variation)?;
                self.ui.result(build::explain(&spec, name, options_for(&spec), &cache, self.ui)?);
                Ok(())
            }));
        }
        let mut built: Vec<Artifact> = Vec::new();
        let outcome = self.each("build", &layers, |layer| {
            let spec = Spec::varied(file.folder(), &file.layers, layer, &variation)?;
            let artifacts = build(&spec, options_for(&spec), &cache, self.ui)?;
            if let Some(path) = &args.sbom {
                for written in build::write_sboms(&artifacts, path)? {
                    self.ui.status("Wrote", shown(&written));
                }
            }
            for artifact in artifacts {
                if args.format == Format::Text {
                    self.ui.result(shown(&artifact.zip));
                }
                built.push(artifact);
            }
            Ok(())
        });
        if args.format == Format::Json {
            let artifacts: Vec<_> = built
                .iter()
                .map(|artifact| serde_json::json!({ "path": shown(&artifact.zip), "manifest": artifact.manifest }))
                .collect();
            self.ui.result(format!("{:#}", serde_json::json!({ "artifacts": artifacts })));
        }
        Ok(outcome)
    }
}

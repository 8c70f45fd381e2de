//! `lock`: making locks, or only looking at them.

use std::process::ExitCode;

use super::arguments::LockArgs;
use super::{Door, Failure, config_failure, user_cache};
use crate::build;
use crate::config::{LayerTable, LayersFile};
use crate::lock::uv::Upgrade;
use crate::spec::{Spec, Variation};
use crate::ui::shown;

impl Door<'_> {
    pub(super) fn lock(&self, args: &LockArgs) -> Result<ExitCode, Failure> {
        let file = self.file()?;
        let layers = file.chosen(&args.layers).map_err(config_failure)?;
        let variation = Variation { raw: args.raw, ..Variation::default() };
        if args.check {
            return Ok(self.check_locks(&file, &layers, &variation));
        }
        let cache = user_cache()?;
        let upgrade = match (args.upgrade, args.upgrade_package.as_slice()) {
            (true, _) => Upgrade::Everything,
            (false, []) => Upgrade::Nothing,
            (false, names) => Upgrade::Packages(names.to_vec()),
        };
        Ok(self.each("lock", &layers, |layer| {
            let spec = Spec::varied(file.folder(), &file.layers, layer, &variation)?;
            let lock = build::lock(&spec, &upgrade, &cache, self.ui)?;
            self.ui.result(shown(&lock.path));
            Ok(())
        }))
    }

    /// That a lock is stale is what was asked about, and 1; that one cannot be read is 3, if others can.
    fn check_locks(&self, file: &LayersFile, layers: &[&LayerTable], variation: &Variation) -> ExitCode {
        let mut stale = false;
        // Without one there is less to be known, and nothing else to be done.
        let cache = user_cache().ok();
        let code = self.each("read the lock of", layers, |layer| {
            let spec = Spec::varied(file.folder(), &file.layers, layer, variation)?;
            let why = match build::check_lock(&spec, cache.as_ref(), self.ui) {
                Ok(()) => {
                    self.ui.status("Fresh", shown(&spec.lock));
                    return Ok(());
                }
                Err(error) if error.is_about_the_lock() => error,
                Err(error) => return Err(error),
            };
            self.complain("use the lock of", layer, why);
            stale = true;
            Ok(())
        });
        if stale && code == ExitCode::SUCCESS { ExitCode::FAILURE } else { code }
    }
}

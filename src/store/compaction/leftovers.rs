//! Files that count for nothing: what packs replaced, and what was never published.

use std::collections::HashSet;

use crate::Result;
use crate::error::IoContext;
use crate::jugdir::{Jugdir, Liveness};
use crate::store::maintenance::repair::unlisted;
use crate::store::pack::manifest::{self, Manifest};
use crate::store::pack::{self, publish};

/// Removes segments that packs replaced, packs that were replaced or never counted, and old manifests.
pub(super) fn sweep(jugdir: &Jugdir) -> Result<()> {
    let (fs, segments, packs) = (&**jugdir.fs(), jugdir.segments(), jugdir.packs());
    let listed: HashSet<String> = fs.names(&segments)?.into_iter().collect();
    let (manifest, leftovers) = leftovers(jugdir)?;
    let replaced: Vec<&String> = manifest.replaced.iter().filter(|name| listed.contains(*name)).collect();
    if !replaced.is_empty() {
        // The process that published the manifest may not have come this far.
        fs.sync_dir(&packs).context("syncing", &packs)?;
        if jugdir.mount()?.is_shared {
            // A process that does not find a segment any more has to find the manifest.
            fs.announce(&packs)?;
        }
    }
    for name in replaced {
        fs.remove_if_exists(&segments.join(name))?;
    }
    for name in leftovers {
        fs.remove_if_exists(&packs.join(name))?;
    }
    Ok(())
}

/// The manifest that counts, and the names of those files among the packs that count for nothing and never will.
pub(crate) fn leftovers(jugdir: &Jugdir) -> Result<(Manifest, Vec<String>)> {
    let (fs, packs) = (&**jugdir.fs(), jugdir.packs());
    let mut names = fs.names(&packs)?;
    let mut dead = HashSet::new();
    for name in &names {
        let maker = pack::maker(name).map(|(_, wid)| wid);
        if let Some(wid) = maker.or_else(|| publish::maker_of_temporary(name))
            && jugdir.liveness(wid)? == Liveness::Dead
        {
            dead.insert(wid.to_owned());
        }
    }
    // First who is dead, then the manifest: whatever a dead packer has published is listed in it.
    let uuid = jugdir.uuid().unwrap_or_default();
    let manifest = publish::newest(fs, &packs, Some(uuid), 0)?.unwrap_or(Manifest::empty(uuid));
    names.retain(|name| is_leftover(&manifest, name, &|wid| dead.contains(wid)));
    let (lost, unreadable) = unlisted(jugdir, &manifest)?;
    names.retain(|name| {
        lost.iter().chain(&unreadable).all(|stem| name.rsplit_once('.').is_none_or(|(its, _)| its != stem))
    });
    Ok((manifest, names))
}

fn is_leftover(manifest: &Manifest, name: &str, is_dead: &dyn Fn(&str) -> bool) -> bool {
    if let Some((generation, wid)) = pack::maker(name) {
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let counts = manifest.packs.iter().any(|pack| pack.stem == stem);
        // With a number that a manifest has, it can never be published.
        return !counts && (generation <= manifest.number || is_dead(wid));
    }
    if let Some(number) = manifest::number_of(name) {
        // One stays beside the newest: a process that lists the directory meanwhile sees at least one.
        return number + 1 < manifest.number;
    }
    publish::maker_of_temporary(name).is_some_and(is_dead)
}

//! Packs, their indexes and manifests as bytes: what this version writes, and reads for ever.

use std::fs;
use std::path::PathBuf;

use jug_native::error::StoreError;
use jug_native::result_store::ResultStore;
use jug_native::store::corruption::Report;
use jug_native::store::log::record::Kind;
use jug_native::store::pack::format::{self, Contents, Entry, IndexHeader};
use jug_native::store::pack::manifest::{Manifest, PackEntry};
use jug_native::store::pack::reader::Pack;
use jug_native::store::pack::runs::{Run, decode_runs, encode_runs};
use jug_native::store::pack::{decode_head, encode_head, maker};
use jug_native::store::{Durability, Store};
use jug_native::{Error, Key};
use proptest::prelude::*;

use crate::support::packs::ALL;
use crate::support::temp_jugdir::{Draft, TempJugdir, UUID, key, load, save};

fn golden(name: &str) -> Vec<u8> {
    fs::read(format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Where the files of the golden pack are.
const STEM: &str = "1-host.7.0123456789ab-0";

/// A jugdir made by hand with the golden pack in it.
fn with_golden_pack() -> TempJugdir {
    let temp = TempJugdir::with_segment(&Draft::new().bytes);
    let packs = temp.root().join("packs");
    fs::create_dir(&packs).unwrap();
    for (from, to) in [
        ("pack_v1.pack", format!("{STEM}.pack")),
        ("pack_v1.idx", format!("{STEM}.idx")),
        ("manifest_v1", "MANIFEST-1".to_owned()),
    ] {
        fs::write(packs.join(to), golden(from)).unwrap();
    }
    temp
}

#[test]
fn the_golden_pack_of_the_first_version_is_read_for_ever() {
    let temp = with_golden_pack();
    let store = temp.open();
    assert_eq!(store.keys().unwrap(), [key(1)]);
    assert_eq!(load(&store, 1).unwrap(), b"\x80\x05N.");
    assert_eq!(store.failed_keys(), [key(3)]);
    assert_eq!(store.aliases().unwrap(), [(key(5), b"a name".to_vec())]);
    assert_eq!(store.epoch(), 3);
    let found = store.facts(&key(1)).unwrap().unwrap();
    assert_eq!((&*found.facts.name, &*found.worker, found.size), ("primes.is_prime", "ghost", 4));
    assert_eq!((found.facts.started, found.facts.duration), (1_700_000_000_123_456, 98_765));
    assert_eq!(store.damage().unwrap(), Report::default());
    // It is packed again, alone and with what this version writes.
    assert_eq!((store.pack(ALL).unwrap().packs, store.pack(ALL).unwrap().packs), (1, 0));
    assert_eq!((load(&store, 1).unwrap(), store.failed_keys()), (b"\x80\x05N.".to_vec(), vec![key(3)]));
    save(&store, 9, b"new").unwrap();
    store.close().unwrap();
    drop(store);
    temp.open().pack(ALL).unwrap();
    let store = temp.open();
    assert_eq!(
        (load(&store, 1).unwrap(), load(&store, 9).unwrap()),
        (b"\x80\x05N.".to_vec(), b"new".to_vec())
    );
    assert_eq!((store.failed_keys(), store.verify(&mut |_, _| Ok(())).unwrap()), (vec![key(3)], vec![]));
}

#[test]
fn a_flipped_byte_in_a_manifest_costs_nothing() {
    let good = golden("manifest_v1");
    let path = PathBuf::from("MANIFEST-1");
    let expected = Manifest::parse(&good, &path).unwrap();
    for at in 0..good.len() {
        for mask in [0x01, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[at] ^= mask;
            assert_eq!(Manifest::parse(&bytes, &path).unwrap(), expected, "byte {at}");
        }
    }
    for length in 0..good.len() / 2 - 1 {
        let refusal = Manifest::parse(&good[..length], &path).unwrap_err();
        assert!(matches!(refusal, Error::Store(StoreError::Damaged { .. })), "{refusal}");
    }
}

#[test]
fn a_manifest_of_a_later_version_and_one_of_another_jugdir_are_refused() {
    let text = String::from_utf8(golden("manifest_v1")).unwrap();
    let body = text.split_once("check").unwrap().0.replace("version 1", "version 2");
    let once = format!("{body}check {:08x}\n", crc32c::crc32c(body.as_bytes()));
    let temp = with_golden_pack();
    let path = temp.root().join("packs/MANIFEST-1");
    fs::write(&path, [once.as_bytes(), once.as_bytes()].concat()).unwrap();
    let refusal = Store::open(&temp.root(), Durability::Group).unwrap_err();
    assert!(matches!(refusal, Error::Store(StoreError::NewerFormat { found: 2, .. })), "{refusal}");
    let other = Manifest { number: 1, ..Manifest::empty(*b"not this jugdir.") };
    fs::write(&path, other.to_bytes()).unwrap();
    let refusal = Store::open(&temp.root(), Durability::Group).unwrap_err();
    assert!(refusal.to_string().contains("another jugdir"), "{refusal}");
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let kinds = vec![Kind::Result, Kind::ResultBlob, Kind::Failed, Kind::Cleared, Kind::Removed, Kind::Alias];
    // Few first bytes, so that keys share them, over page after page.
    let key = (0..3_u8, any::<u16>()).prop_map(|(head, tail)| {
        let mut bytes = [head; Key::LEN];
        bytes[30..].copy_from_slice(&tail.to_be_bytes());
        Key::new(bytes)
    });
    let entry = (key, any::<u64>(), prop::sample::select(kinds), 0..1_u64 << 56);
    let entry = entry.prop_map(|(key, epoch, kind, offset)| Entry { key, epoch, kind, offset });
    prop::collection::vec(entry, 0..400).prop_map(|mut entries| {
        entries.sort_by_key(Entry::rank);
        entries
    })
}

proptest! {
    #[test]
    fn what_is_written_to_an_index_is_found_in_it(
        entries in entries(),
        texts in prop::collection::vec((any::<u64>(), ".{0,9}", prop::collection::vec((1..9_u32, ".{0,9}"), 0..3)), 0..4),
        missing in any::<[u8; 32]>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let runs: Vec<Run> =
            texts.into_iter().map(|(offset, origin, names)| Run { offset, origin, names }).collect();
        let head = IndexHeader {
            version: format::VERSION,
            uuid: UUID,
            pack: 36,
            entries: entries.len() as u64,
            smalls: 0,
            batches: 0,
            results: 0,
            specials: entries.iter().filter(|entry| entry.is_special()).count() as u64,
            runs: encode_runs(&runs).len() as u64,
            epoch: 7,
        };
        let bytes = [head.encode(), Contents { entries: &entries, smalls: &[], batches: &[], runs: &runs }.encode()].concat();
        prop_assert_eq!(bytes.len() as u64, head.length());
        fs::write(dir.path().join(format!("{STEM}.idx")), &bytes).unwrap();
        fs::write(dir.path().join(format!("{STEM}.pack")), encode_head(UUID)).unwrap();
        let listed = PackEntry { stem: STEM.to_owned(), length: 36, index: head.length(), results: 0 };
        let pack = Pack::open(&jug_native::os::local(), dir.path(), Some(UUID), &listed).unwrap();

        let mut keys: Vec<Key> = entries.iter().map(|entry| entry.key).collect();
        keys.push(Key::new(missing));
        keys.sort();
        keys.dedup();
        let mut found = Vec::new();
        pack.find(&keys, &mut |at, entry| found.push((keys[at], *entry))).unwrap();
        prop_assert!(found.iter().all(|(key, entry)| *key == entry.key));
        prop_assert_eq!(found.into_iter().map(|(_, entry)| entry).collect::<Vec<_>>(), entries.clone());
        for key in &keys {
            let mut one = Vec::new();
            pack.find(&[*key], &mut |_, entry| one.push(*entry)).unwrap();
            let expected: Vec<Entry> = entries.iter().filter(|entry| entry.key == *key).copied().collect();
            prop_assert_eq!(one, expected);
        }
        let mut all = Vec::new();
        pack.each(&mut |entry| all.push(*entry)).unwrap();
        prop_assert_eq!(&all, &entries);
        let specials: Vec<Entry> = entries.into_iter().filter(Entry::is_special).collect();
        prop_assert_eq!(pack.specials().unwrap(), specials);
        prop_assert_eq!((pack.runs().unwrap(), pack.epoch().unwrap()), (&*runs, 7));
        prop_assert!(pack.substitute().is_none());
    }

    #[test]
    fn no_bytes_make_a_reader_of_packs_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let path = PathBuf::from("x");
        let _ = IndexHeader::decode(&bytes, &path);
        let _ = decode_runs(&bytes);
        let _ = format::Page::new(&bytes, 3).from(0).count();
        let _ = Manifest::parse(&bytes, &path);
        let _ = decode_head(&bytes, &path);
        let name = String::from_utf8_lossy(&bytes);
        let _ = maker(&name);
    }
}

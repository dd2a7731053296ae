//! The fuzzer's targets, run over its corpus and over crafted and mutilated files.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::path::Path;

use jug_native::background::Background;
use jug_native::codec::{Codec, compress};
use jug_native::jugdir::{ClaimMode, Format, Identity, Jugdir, LeaseTiming};
use jug_native::os::local;
use jug_native::redis::record as entry;
use jug_native::result_store::{ResultStore, RunMetadata};
use jug_native::store::blob::BlobRef;
use jug_native::store::log::record::{CRITICAL, Header, Kind};
use jug_native::store::log::segment;
use jug_native::store::{CompactOptions, Durability, Store};

use crate::support::temp_jugdir::{Draft, TempJugdir, UUID, key, noise, save};

#[path = "../../../fuzz/bodies.rs"]
mod bodies;

/// Notes the largest piece of memory that a thread asks for.
struct Noting;

thread_local! {
    /// The most bytes that this thread has asked for at once since it set this to 0.
    pub(crate) static LARGEST: Cell<usize> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "an allocator cannot be written without it")]
// SAFETY: all is done by the system's allocator; what is noted is a number of the thread's own, without a destructor.
unsafe impl GlobalAlloc for Noting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(layout.size())));
        // SAFETY: as its caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as its caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Noting = Noting;

/// Runs a target; nothing is asked for that the bytes cannot fill, even if they are compressed 256 times.
fn run(target: fn(&[u8]), bytes: &[u8], what: &str) {
    LARGEST.set(0);
    target(bytes);
    let most = 2 * 1024 * 1024 + 256 * bytes.len();
    assert!(LARGEST.get() <= most, "{what}: {} bytes at once for {}", LARGEST.get(), bytes.len());
}

/// The target over a sound file, over it cut at each boundary, and with bits flipped.
fn mutilate(target: fn(&[u8]), sound: &[u8]) {
    let step = 1 + sound.len() / 100;
    for at in (0..sound.len()).step_by(step) {
        run(target, &sound[..at], &format!("cut at {at}"));
        let mut flipped = sound.to_vec();
        flipped[at] ^= 0x81;
        run(target, &flipped, &format!("flipped at {at}"));
        // Lengths of 2^63 and 2^64 - 1, wherever a length may be.
        for huge in [1 << 63, u64::MAX] {
            let mut claimed = sound.to_vec();
            claimed.resize(sound.len().max(at + 8), 0);
            claimed[at..at + 8].copy_from_slice(&u64::to_le_bytes(huge));
            run(target, &claimed, &format!("{huge} at {at}"));
        }
    }
}

fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (path.display().to_string(), fs::read(path).unwrap())).collect()
}

fn golden(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)).unwrap()
}

/// A pickle in a file of its own, with a header that is right.
fn worker_file(pickle: &[u8]) -> Vec<u8> {
    let (length, crc) = (u32::try_from(pickle.len()).unwrap(), crc32c::crc32c(pickle));
    [b"jugwork\n", &1_u32.to_le_bytes()[..], &length.to_le_bytes(), &crc.to_le_bytes(), pickle].concat()
}

/// What a fuzz target does with bytes.
type Payload = fn(&[u8]);

#[test]
fn the_corpus_of_each_fuzz_target_is_read_or_refused() {
    let targets: [(&str, Payload); 8] = [
        ("segment", bodies::segment),
        ("format", bodies::format),
        ("worker", bodies::worker),
        ("value", bodies::value),
        ("blob", bodies::blob),
        ("pack", bodies::pack),
        ("manifest", bodies::manifest),
        ("redis", bodies::redis),
    ];
    for (name, target) in targets {
        let files = corpus(name);
        assert!(!files.is_empty(), "{name}");
        for (path, bytes) in files {
            run(target, &bytes, &path);
        }
    }
}

#[test]
fn a_mutilated_segment_is_read_or_refused() {
    let long = compress::compress(&[&[3; 5000]]).unwrap();
    let packed = Header { flags: 2, codec: 1, ..Header::new(Kind::Result, key(3), 1) };
    let strange = Header { version: 9, ..Header::new(Kind::Other(200), key(4), u64::MAX) };
    let result =
        |number| Header { codec: 1, name: 1, started: 5, ..Header::new(Kind::Result, key(number), 1) };
    let draft = Draft::new()
        .record(Header { name: 1, ..Header::keyless(Kind::Name) }, b"primes")
        .result(key(1), b"one")
        .record(packed, &long)
        .record(strange.clone(), b"?")
        .batch(&[7, 8, 9].map(|number| (result(number), &b"\x80\x05N."[..])))
        .record(Header::new(Kind::Failed, key(5), 0), b"\x80\x03}.")
        .record(Header::new(Kind::ResultBlob, key(6), 0), &[0xff; 60]);
    mutilate(bodies::segment, &draft.bytes);
    let critical = draft.record(Header { flags: CRITICAL, ..strange }, b"?");
    run(bodies::segment, &critical.bytes, "an unknown critical record");
}

#[test]
fn mutilated_small_files_are_read_or_refused() {
    mutilate(bodies::format, Format { uuid: UUID, mode: ClaimMode::Link }.to_text().as_bytes());
    mutilate(bodies::worker, &golden("worker_v1"));
    mutilate(bodies::manifest, &golden("manifest_v1"));
    let said =
        BlobRef { suffix: "ghost-1".into(), length: 5, digest: blake3::hash(b"12345").into() }.encode();
    let length = u8::try_from(said.len() + 1).unwrap();
    mutilate(bodies::blob, &[&[length], &*said, b"12345"].concat());
}

#[test]
fn a_mutilated_pack_is_read_or_refused() {
    let temp = TempJugdir::new();
    let store = temp.open();
    for number in 0..8 {
        save(&store, number, &noise(20 + usize::from(number))).unwrap();
    }
    store.remove(&[key(5)]).unwrap();
    store.close().unwrap();
    temp.open().pack(CompactOptions { all: true, ..CompactOptions::default() }).unwrap();
    let of = |ending: &str| {
        let mut names = fs::read_dir(temp.root().join("packs")).unwrap().map(|entry| entry.unwrap().path());
        fs::read(names.find(|path| path.extension().is_some_and(|it| it == ending)).unwrap()).unwrap()
    };
    let (mut pack, index) = (of("pack"), of("idx"));
    // The jugdir in which it is read has another uuid.
    pack[16..32].copy_from_slice(&UUID);
    let crc = crc32c::crc32c(&pack[..32]).to_le_bytes();
    pack[32..36].copy_from_slice(&crc);
    let mut index = index;
    index[16..32].copy_from_slice(&UUID);
    let crc = crc32c::crc32c(&index[..84]).to_le_bytes();
    index[84..88].copy_from_slice(&crc);
    let crc = crc32c::crc32c_append(u32::from_le_bytes(crc), &index[88..104]).to_le_bytes();
    index[104..108].copy_from_slice(&crc);
    let length = u32::try_from(pack.len()).unwrap().to_le_bytes();
    let both = [&length[..], &pack, &index].concat();
    run(bodies::pack, &both, "sound");
    mutilate(bodies::pack, &both);
}

#[test]
fn files_that_are_much_too_long_cost_no_memory() {
    for name in ["FORMAT", "workers/ghost", "packs/MANIFEST-1", "segments/ghost-0.seg"] {
        for mode in [ClaimMode::Posix, ClaimMode::Link] {
            let temp = TempJugdir::new();
            let path = temp.root();
            let open = || Jugdir::open_as(local(), &path, Some(mode), LeaseTiming::from_environment());
            open().unwrap().init().unwrap();
            let file = fs::OpenOptions::new().create(true).append(true).open(path.join(name)).unwrap();
            file.set_len(1 << 40).unwrap();
            LARGEST.set(0);
            if let Ok(jugdir) = open() {
                let _ = jugdir.list_workers();
                let _ = Store::open_in(jugdir, Background::manual(local()), Durability::Group).map(|_| ());
            }
            assert!(LARGEST.get() <= 3 * 1024 * 1024, "{name}: {} bytes", LARGEST.get());
        }
    }
}

#[test]
fn values_that_lie_about_their_length_are_refused() {
    let bomb = compress::compress(&[&vec![0; 4_000_000]]).unwrap();
    assert!(bomb.len() < 20_000);
    run(bodies::value, &bomb, "as small as it gets");
    mutilate(bodies::value, &compress::compress(&[&[1; 600], &noise(300)]).unwrap());
    mutilate(bodies::redis, b"*2\r\n$3\r\nabc\r\n:5\r\n");
    let facts = RunMetadata { name: "primes".into(), ..RunMetadata::default() };
    let value = jug_native::codec::Encoded::new(Codec::Pickle, vec![0; 2000]);
    mutilate(bodies::redis, &entry::encode(&facts, "ghost", &value));
    for lie in [
        "$9223372036854775807\r\nabc",
        "*9223372036854775807\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
    ] {
        run(bodies::redis, lie.as_bytes(), lie);
    }
}

#[test]
fn pickles_that_are_programs_are_refused() {
    let deep = [b"\x80\x03".to_vec(), b"]".repeat(200_000), b"a".repeat(199_999), b".".to_vec()].concat();
    // Each text is twice the one before: 2^60 bytes in 400.
    let mut bomb = b"\x80\x03]q\x00".to_vec();
    for level in 0..60_u8 {
        bomb.extend_from_slice(&[b']', b'q', level + 1, b'(', b'h', level, b'h', level, b'e']);
    }
    bomb.push(b'.');
    for pickle in [deep, bomb, b"cos\nsystem\n(S'true'\ntR.".to_vec()] {
        run(bodies::worker, &pickle, "a pickle");
        run(bodies::worker, &worker_file(&pickle), "a worker's file");
        let draft = Draft::new().record(Header::new(Kind::Failed, key(1), 0), &pickle);
        run(bodies::segment, &draft.bytes, "a failure report");
    }
    let path = Path::new("workers/ghost");
    assert!(Identity::parse(&golden("worker_v1"), path).is_ok());
    assert!(segment::decode(&golden("segment_v1.seg"), path).is_ok());
}

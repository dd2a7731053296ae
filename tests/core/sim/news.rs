//! What a worker asks the server for that waits for long tasks of others, and how soon it learns of what they do.

mod scene;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jug_native::jugdir::Identity;
use jug_native::os::Open;

use self::scene::*;
use super::actors::ROOT;

#[test]
fn who_waits_asks_twice_a_second_at_most_however_many_others_there_are_and_knows_soon() {
    for others in [1, 2, 8, 20, 200] {
        let mut scene = Scene::of(others, Then::Stores);
        scene.until(SETTLED);
        let rate = scene.rate(BEFORE_LONG);
        // Every two minutes it looks at all.
        let looks = if others > 20 { f64::from(u32::try_from(others + 6).unwrap()) / 120.0 } else { 0.0 };
        assert!(rate <= 2.0 + looks, "{rate} requests a second beside {others} others");
        let delay = scene.delay();
        assert!(delay <= SOON, "{delay:?} beside {others} others");
    }
}

#[test]
fn where_all_work_on_one_host_what_happens_there_wakes_at_once_however_much_that_is() {
    let mut scene = Scene::on(&[0, 0, 0], Then::OneStoresEvery(1));
    let delay = scene.delay();
    assert!(delay <= Duration::from_millis(200), "{delay:?}");
}

#[test]
fn a_claim_that_is_given_back_is_known_soon() {
    let mut scene = Scene::of(4, Then::GivesBack);
    let delay = scene.delay();
    assert!(delay <= SOON, "{delay:?}");
}

#[test]
fn beside_a_worker_that_gives_no_news_all_are_asked_until_it_is_gone() {
    let mut scene = Scene::of(8, Then::Stores);
    scene.until(SETTLED);
    let calm = scene.rate(2 * SETTLED);
    let path = Arc::new(Mutex::new(None));
    let written = Arc::clone(&path);
    scene.act(move |fs| {
        // As builds wrote it that give none.
        let identity = Identity::here(fs, b"0123456789abcdef");
        assert!(!identity.gives_news);
        let path = Path::new(ROOT).join("workers").join(identity.id());
        let file = fs.open(&path, Open::New)?;
        file.append(&identity.to_bytes(&path).unwrap())?;
        *written.lock().unwrap() = Some(path);
        file.sync()
    });
    scene.until(2 * SETTLED + Duration::from_secs(10));
    let beside = scene.rate(3 * SETTLED);
    let path = path.lock().unwrap().clone().unwrap();
    scene.act(move |fs| fs.unlink(&path));
    scene.until(3 * SETTLED + Duration::from_secs(10));
    let after = scene.rate(5 * SETTLED);
    assert!(calm <= 2.0 && after <= 2.0, "{calm} and {after} requests a second");
    assert!(beside >= 10.0, "{beside} requests a second beside it: all are asked each second");
    let delay = scene.delay();
    assert!(delay <= SOON, "{delay:?}");
}

#[test]
fn where_the_file_of_news_is_removed_or_closed_off_all_are_asked_and_another_one_is_created() {
    let news = || Path::new(ROOT).join("news");
    for is_removed in [true, false] {
        let mut scene = Scene::of(4, Then::Stores);
        scene.until(SETTLED);
        scene.act(
            move |fs| if is_removed { fs.unlink(&news()) } else { fs.open(&news(), Open::Read)?.finish() },
        );
        scene.until(BEFORE_LONG);
        let delay = scene.delay();
        assert!(delay <= SOON, "{delay:?}");
        let is_there = Arc::new(Mutex::new(false));
        let found = Arc::clone(&is_there);
        scene.act(move |fs| {
            *found.lock().unwrap() = fs.list(Path::new(ROOT))?.contains(&"news".to_owned());
            Ok(())
        });
        *scene.clues.known.lock().unwrap() = None;
        scene.until(scene.world.now() + SOON);
        assert!(*is_there.lock().unwrap());
    }
}

#[test]
fn news_that_nobody_gives_are_found_all_the_same() {
    let mut scene = Scene::of(2, Then::StoresInSilence);
    let delay = scene.delay();
    assert!(delay > SOON, "nothing was said");
    assert!(delay <= Duration::from_secs(100), "{delay:?}, before its worker counts as dead");
}

#[test]
fn news_that_a_living_worker_cannot_give_are_found_within_two_minutes() {
    for others in [2, 30] {
        let mut scene = Scene::of(others, Then::StoresWithoutNews);
        let delay = scene.delay();
        assert!(delay > SOON, "nothing was said");
        assert!(delay <= Duration::from_secs(120) + SOON, "{delay:?} beside {others} others");
    }
}

#[test]
fn others_that_store_now_and_then_what_nothing_waits_for_cost_no_look() {
    for (others, seconds, remembers_all) in [(6, 8, false), (6, 8, true), (6, 1, true), (20, 1, false)] {
        let mut scene = Scene::of(others, Then::OneStoresEvery(seconds));
        scene.world.state().remembers_all = remembers_all;
        scene.until(SETTLED);
        let rate = scene.rate(BEFORE_LONG);
        // Nothing waits for what that one stores: it is read, and not looked at. Where a client remembers what it reads, each time takes
        // a question and two requests.
        let looks = f64::from(u32::try_from(2 * others + 6).unwrap()) / 120.0;
        let most = if remembers_all { 3.0 } else { 1.9 } + looks;
        assert!(rate <= most, "{rate} requests a second beside {others} others, one in {seconds} s");
        let delay = scene.delay();
        assert!(delay <= SOON, "{delay:?} beside {others} others");
    }
}

#[test]
fn what_comes_in_the_same_tick_of_the_servers_clock_as_what_was_known_is_not_missed() {
    // At a time in whole seconds, as where the server knows no other one, and at another one.
    let times = [(0, 700), (130, 5)].map(|it| (Duration::from_millis(it.0), Duration::from_millis(it.1)));
    // Also where a client remembers what it has read.
    for (remembers_all, (past, step)) in [true, false].into_iter().flat_map(|it| times.map(|time| (it, time)))
    {
        let mut scene = Scene::of(2, Then::StoresWhenAsked);
        scene.world.state().remembers_all = remembers_all;
        scene.until(SETTLED + past);
        scene.act(|fs| fs.open(&Path::new(ROOT).join("news"), Open::Update)?.touch());
        let asked = scene.news_asked();
        while remembers_all && scene.news_asked() == asked {
            scene.until(scene.world.now() + Duration::from_millis(1));
        }
        // The one that waits knows of a change. A little later another one comes, and the file of news has the time that it
        // had: as where the clock of the server goes in steps of that length.
        scene.until(scene.world.now() + step);
        scene.clues.is_asked.store(true, Ordering::Relaxed);
        let delay = scene.delay();
        assert!(delay <= SOON, "{delay:?} {past:?} past");
    }
}

#[test]
fn a_worker_that_dies_on_this_host_is_known_to_be_dead_soon() {
    let mut scene = Scene::on(&[0, 1, 2], Then::Stores);
    scene.until(SETTLED);
    scene.kill_first();
    let delay = scene.delay();
    assert!(delay <= SOON, "{delay:?}");
}

#[test]
fn a_worker_that_dies_elsewhere_is_known_to_be_dead_in_time_also_by_those_who_wait() {
    // The only other one that looks at it looks at few.
    for others in [1, 2, 16] {
        let mut scene = Scene::of(others, Then::Stores);
        scene.until(SETTLED);
        scene.kill_first();
        let delay = scene.delay();
        assert!(delay <= DEAD, "{delay:?} among {others}");
        assert!(delay >= Duration::from_secs(110), "{delay:?} among {others}");
    }
}

#[test]
fn a_worker_that_dies_elsewhere_is_known_to_be_dead_in_time_however_many_wait_for_it() {
    for waiting in [16, 100, 200] {
        let mut scene = Scene::idle(waiting);
        scene.until(SETTLED);
        scene.kill_first();
        let delay = scene.delay();
        assert!(delay <= DEAD, "{delay:?} among {waiting}");
        // Who works beside so many beats every 50 s.
        assert!(delay >= Duration::from_secs(60), "{delay:?} among {waiting}");
    }
}

#[test]
fn nobody_is_taken_for_dead_who_was_not_looked_at_for_long() {
    // So many that those who wait look at few of them.
    let mut scene = Scene::of(80, Then::Stores);
    scene.until(BEFORE_LONG);
    assert!(scene.clues.known.lock().unwrap().is_none());
    let names = scene.workers();
    assert!(names.len() >= 81);
    assert!(!names.iter().any(|name| name.starts_with("dead-")), "{names:?}");
}

#[test]
fn where_all_others_store_all_the_time_who_waits_asks_twice_a_second_at_most_and_knows_soon() {
    for (others, seconds) in [(2, 1), (8, 1), (16, 1), (8, 4), (40, 2)] {
        let mut scene = Scene::of(others, Then::AllStoreEvery(seconds));
        scene.until(SETTLED);
        let rate = scene.rate(BEFORE_LONG);
        // The first one does nothing, so that it looks at all every two minutes, and reads what each of them stored since.
        let looks = f64::from(u32::try_from(2 * others + 6).unwrap()) / 120.0;
        assert!(rate <= 1.9 + looks, "{rate} requests a second beside {others} others, each {seconds} s");
        let delay = scene.delay();
        assert!(delay <= SOON, "{delay:?} beside {others} others");
    }
}

#[test]
fn more_news_than_there_is_room_for_are_found_soon_all_the_same() {
    let mut scene = Scene::of(2, Then::StoresMany);
    let delay = scene.delay();
    assert!(delay <= SOON, "{delay:?}");
}

#[test]
fn a_worker_whose_place_in_the_file_of_news_another_one_took_takes_another_one() {
    let news = || Path::new(ROOT).join("news");
    let mut scene = Scene::of(3, Then::Stores);
    scene.until(Duration::from_secs(1));
    let owners = |bytes: &[u8]| -> Vec<String> {
        let owner = |slot: &[u8]| String::from_utf8(slot[8..72].to_vec()).unwrap();
        bytes.chunks(1024).map(|slot| owner(slot).trim_end_matches('\0').to_owned()).collect()
    };
    scene.act(move |fs| {
        // As if both had chosen the same place at the same time.
        let file = fs.open(&news(), Open::Update)?;
        let bytes = file.read_whole(1 << 20)?;
        let places: Vec<usize> = (0..bytes.len() / 1024).filter(|at| bytes[1024 * at] != 0).collect();
        let (lost, kept) = (1024 * places[0], 1024 * places[1]);
        file.write_at(&bytes[kept..kept + 1024], lost as u64)
    });
    scene.until(Duration::from_secs(20));
    let found = Arc::new(Mutex::new(Vec::new()));
    let read = Arc::clone(&found);
    scene.act(move |fs| {
        *read.lock().unwrap() = fs.open(&news(), Open::Read)?.read_whole(1 << 20)?;
        Ok(())
    });
    let workers = scene.workers();
    let owners = owners(&found.lock().unwrap());
    assert!(workers.len() == 4 && workers.iter().all(|it| owners.contains(it)), "{workers:?} {owners:?}");
}

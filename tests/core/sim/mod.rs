//! Whole computations over a simulated filesystem, in any order of events and with any trouble.
//!
//! The stores, claims and schedulers are the real ones. Each simulated process is a thread that runs from one
//! system call to the next, when the schedule says so; time passes only in system calls and when everybody sleeps. So a
//! seed repeats a computation call by call.
//!
//! `JUG_SIM_CASES=10000 cargo test --release sim::` runs that many schedules of each kind. With `JUG_SIM_TRACE=1` a
//! schedule prints every system call.

mod actors;
mod disk;
mod file;
mod fs;
mod host;
mod job;
mod news;
mod plans;
mod process;
mod rng;
mod schedule;
mod upkeep;
mod worker;
mod world;

use std::time::Duration;

use nix::errno::Errno;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use schedule::{Plan, Trouble};
use world::Call;

/// How many schedules of each kind are tried.
fn cases() -> u32 {
    let asked = std::env::var("JUG_SIM_CASES").ok();
    asked.map_or(100, |number| number.parse().expect("JUG_SIM_CASES is a number"))
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: cases(),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("tests/core/sim/regressions.txt"))),
        max_shrink_iters: 300,
        ..ProptestConfig::default()
    }
}

/// Which calls fail, and how: what a disk says that is full or broken, a quota, a limit, a server that forgot a file.
const FAULTS: &[(Call, &[Errno])] = &[
    (Call::Append, &[Errno::ENOSPC, Errno::EDQUOT, Errno::EIO, Errno::ESTALE]),
    (Call::Sync, &[Errno::ENOSPC, Errno::EDQUOT, Errno::EIO, Errno::ESTALE]),
    (Call::Create, &[Errno::ENOSPC, Errno::EDQUOT, Errno::EIO]),
    (Call::Mkdir, &[Errno::ENOSPC, Errno::EDQUOT, Errno::EMLINK]),
    (Call::Link, &[Errno::ENOSPC, Errno::EDQUOT, Errno::EMLINK, Errno::EIO, Errno::ESTALE]),
    (Call::Rename, &[Errno::EIO, Errno::EDQUOT, Errno::ESTALE]),
    (Call::Unlink, &[Errno::EIO, Errno::ESTALE]),
    (Call::Rmdir, &[Errno::EIO]),
    (Call::Read, &[Errno::EIO, Errno::ESTALE]),
    (Call::Open, &[Errno::EIO, Errno::ESTALE]),
    (Call::List, &[Errno::EIO, Errno::ESTALE]),
    (Call::Stat, &[Errno::EIO, Errno::ESTALE]),
    (Call::FreshStat, &[Errno::EIO, Errno::ESTALE]),
    (Call::Touch, &[Errno::EIO, Errno::ESTALE]),
    (Call::Finish, &[Errno::EIO, Errno::EPERM, Errno::ESTALE]),
    (Call::SyncDir, &[Errno::EIO]),
    (Call::Lock, &[Errno::ENOLCK]),
];

fn fault() -> impl Strategy<Value = Trouble> {
    let call = prop::sample::select(FAULTS)
        .prop_flat_map(|(call, errors)| (Just(call), prop::sample::select(errors)));
    (call, 0..40_u32).prop_map(|((call, errno), after)| Trouble::Fail(call, after, errno))
}

/// What people and other programs do on one host or on many.
fn anywhere() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        4 => (0..8_usize).prop_map(Trouble::Kill),
        3 => Just(Trouble::Join),
        4 => (0..30_u32).prop_map(Trouble::Invalidate),
        1 => Just(Trouble::Look),
        3 => any::<bool>().prop_map(Trouble::Pack),
        2 => (0..3_usize).prop_map(Trouble::WorkOnFormer),
        2 => Just(Trouble::CleanUp),
        2 => any::<bool>().prop_map(Trouble::Check),
        1 => (0..30_usize).prop_map(Trouble::Rot),
        1 => (0..3_usize, -8_000..8_000_i64).prop_map(|(host, by)| Trouble::SetDate(host, by)),
        3 => fault(),
    ]
}

/// What can happen on one host.
fn local_trouble() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        22 => anywhere(),
        2 => (0..8_usize, 1..5_000_u64).prop_map(|(at, time)| Trouble::Pause(at, time)),
        1 => Just(Trouble::PowerCut),
        1 => (1..200_000_u64).prop_map(Trouble::ServerDown),
    ]
}

fn troubles(trouble: impl Strategy<Value = Trouble>) -> impl Strategy<Value = Vec<(u32, Trouble)>> {
    let gap = prop_oneof![0..8_u32, 0..120_u32];
    prop::collection::vec((gap, trouble), 0..14)
}

fn local_plans() -> impl Strategy<Value = Plan> {
    let longest = prop_oneof![Just(0), Just(20), Just(400)].prop_map(Duration::from_millis);
    (any::<u64>(), 1..5_usize, 1..25_u32, 0..8_u32, longest, troubles(local_trouble())).prop_map(
        |(seed, workers, tasks, large, longest, troubles)| Plan {
            seed,
            is_network: false,
            hosts: 1,
            workers,
            tasks,
            large,
            longest,
            lost_answers: 0,
            links_max: 65_000,
            troubles,
        },
    )
}

#[test]
fn a_plan_is_repeated_call_by_call() {
    let troubles = vec![(20, Trouble::Kill(1)), (30, Trouble::Invalidate(2)), (5, Trouble::Pause(0, 300))];
    let longest = Duration::from_millis(20);
    let (workers, tasks, large, lost_answers, links_max) = (3, 20, 5, 0, 65_000);
    for (is_network, hosts) in [(false, 1), (true, 2)] {
        let plan = |seed| {
            let troubles = troubles.clone();
            Plan {
                seed,
                is_network,
                hosts,
                workers,
                tasks,
                large,
                longest,
                lost_answers,
                links_max,
                troubles,
            }
        };
        let first = schedule::run(&plan(1)).unwrap();
        assert_eq!(schedule::run(&plan(1)).unwrap(), first);
        assert_ne!(schedule::run(&plan(2)).unwrap(), first);
    }
}

/// What can happen on a network.
fn network_trouble() -> impl Strategy<Value = Trouble> {
    let short_or_long = || prop_oneof![3 => 1..20_000_u64, 1 => 100_000..400_000_u64];
    prop_oneof![
        22 => anywhere(),
        3 => (0..8_usize, short_or_long()).prop_map(|(at, time)| Trouble::Pause(at, time)),
        1 => (0..3_usize, short_or_long()).prop_map(|(host, time)| Trouble::Suspend(host, time)),
        1 => (0..3_usize).prop_map(Trouble::Crash),
        1 => (0..3_usize, short_or_long()).prop_map(|(host, time)| Trouble::CutOff(host, time)),
        1 => short_or_long().prop_map(Trouble::ServerDown),
    ]
}

fn network_plans() -> impl Strategy<Value = Plan> {
    let longest = prop_oneof![Just(0), Just(20), Just(400), Just(300_000)].prop_map(Duration::from_millis);
    let sizes = (1..4_usize, 1..5_usize, 1..25_u32, 0..8_u32);
    // Where there are no hard links at all, no answers are lost either: NFS has them.
    let limits = prop_oneof![
        4 => (prop_oneof![Just(0), Just(60_u64)], prop_oneof![Just(65_000), 3..9_u64]),
        1 => Just((0, 1)),
    ];
    (any::<u64>(), sizes, longest, limits, troubles(network_trouble())).prop_map(
        |(seed, (hosts, workers, tasks, large), longest, (lost_answers, links_max), troubles)| Plan {
            seed,
            is_network: true,
            hosts,
            workers,
            tasks,
            large,
            longest,
            lost_answers,
            links_max,
            troubles,
        },
    )
}

/// What can happen where a file cannot be read for ever. Nothing is invalidated or cleaned up: that it was is
/// forgotten with the file that says so.
fn bad_files(is_network: bool) -> impl Strategy<Value = Vec<(u32, Trouble)>> {
    let mut trouble = prop_oneof![
        4 => (0..30_usize).prop_map(Trouble::GoBad),
        3 => (0..8_usize).prop_map(Trouble::Kill),
        2 => Just(Trouble::Join),
        3 => any::<bool>().prop_map(Trouble::Pack),
        4 => any::<bool>().prop_map(Trouble::Check),
        1 => Just(Trouble::Look),
        2 => (0..8_usize, 1..5_000_u64).prop_map(|(at, time)| Trouble::Pause(at, time)),
    ]
    .boxed();
    if !is_network {
        trouble = prop_oneof![19 => trouble, 1 => Just(Trouble::PowerCut)].boxed();
    }
    troubles(trouble)
}

/// A plan in which nothing else goes wrong than that files cannot be read.
fn with_bad_files(plan: Plan) -> impl Strategy<Value = Plan> {
    bad_files(plan.is_network).prop_map(move |troubles| Plan { troubles, lost_answers: 0, ..plan.clone() })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn files_that_cannot_be_read_for_ever_cost_what_is_in_them_only(
        plan in prop_oneof![local_plans(), network_plans()].prop_flat_map(with_bad_files),
    ) {
        if let Err(what) = schedule::run(&plan) {
            prop_assert!(false, "{}", what);
        }
    }

    #[test]
    fn every_schedule_on_a_network_ends_with_every_result_right_and_run_once(plan in network_plans()) {
        if let Err(what) = schedule::run(&plan) {
            prop_assert!(false, "{}", what);
        }
    }

    #[test]
    fn every_schedule_on_one_host_ends_with_every_result_right_and_run_once(plan in local_plans()) {
        if let Err(what) = schedule::run(&plan) {
            prop_assert!(false, "{}", what);
        }
    }
}

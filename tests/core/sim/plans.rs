//! Plans that once led to something that must not be, each kept for ever, whatever chance draws elsewhere.
//!
//! What a plan leads to changes with every system call that the code makes more or less; these are the cases that
//! were cut down by hand or by proptest when they were found.

use std::time::Duration;

use nix::errno::Errno;

use super::schedule::Trouble::{
    Check, CleanUp, Crash, CutOff, Fail, Invalidate, Join, Kill, Look, Pack, Pause, PowerCut, Rot,
    ServerDown, Suspend, WorkOnFormer,
};
use super::schedule::{self, Plan, Trouble};
use super::world::Call;

/// How many workers there are at first, how many tasks, and every how-manieth value is large.
type Sizes = (usize, u32, u32);

fn on_one_host(seed: u64, (workers, tasks, large): Sizes, longest: u64, troubles: &[(u32, Trouble)]) -> Plan {
    Plan {
        seed,
        is_network: false,
        hosts: 1,
        workers,
        tasks,
        large,
        longest: Duration::from_millis(longest),
        lost_answers: 0,
        links_max: 65_000,
        troubles: troubles.to_vec(),
    }
}

fn on_a_network(seed: u64, hosts: usize, sizes: Sizes, longest: u64, troubles: &[(u32, Trouble)]) -> Plan {
    Plan { is_network: true, hosts, ..on_one_host(seed, sizes, longest, troubles) }
}

/// Tests of one plan each.
macro_rules! plans {
    ($($(#[$about:meta])* fn $name:ident() = $plan:expr;)*) => {
        $(
            $(#[$about])*
            #[test]
            fn $name() {
                if let Err(what) = schedule::run(&$plan) {
                    panic!("{what}");
                }
            }
        )*
    };
}

plans! {
    // Found when the simulation of one host was new.
    fn a_power_cut_right_after_the_beginning() =
        on_one_host(2_175_111_449_276_912_902, (1, 1, 0), 0, &[(7, PowerCut)]);
    fn an_invalidate_while_inputs_are_loaded() =
        on_one_host(13_209_942_765_650_250_212, (3, 7, 0), 20, &[(14, Invalidate(3))]);
    fn an_invalidate_while_workers_join_and_are_killed() =
        on_one_host(2_101_829_051_374_372_000, (3, 8, 6), 20, &[(82, Join), (0, Invalidate(6)), (32, Kill(0))]);
    /// Two removals had one epoch, so that a worker which had seen one of them stored what it made of the other.
    fn several_invalidates_at_once() = on_one_host(10_157_629_239_584_184_461, (4, 12, 2), 20, &[
        (77, Join), (3, Invalidate(18)), (1, Invalidate(2)), (1, Pause(3, 3_525)), (2, Invalidate(10)),
        (0, Kill(2)), (46, Join), (12, Invalidate(22)), (0, Kill(4)),
    ]);
    /// Results were in a directory whose own name was not on disk.
    fn a_power_cut_after_the_worker_that_created_the_jugdir_was_killed() =
        on_one_host(706_846_846_810_192_885, (2, 2, 0), 0, &[(2, Kill(1)), (17, PowerCut)]);

    // Found when the simulation of a network was new.
    fn kills_and_a_pause_while_long_tasks_run() = on_a_network(6_867_472_035_334_931_409, 1, (2, 15, 3), 300_000, &[
        (43, Join), (38, Kill(1)), (1, Join), (4, Kill(2)), (3, Pause(2, 14_671)),
    ]);
    fn a_kill_and_a_crash_before_anything_was_done() =
        on_a_network(7_954_297_592_572_388_083, 2, (2, 5, 0), 0, &[(0, Kill(0)), (0, Crash(0))]);
    fn a_crash_while_the_jugdir_is_created() = on_a_network(1_493_600_786_421_499_690, 3, (3, 9, 2), 0, &[
        (2, Crash(0)), (36, Kill(4)), (3, Invalidate(9)),
    ]);
    fn a_server_that_is_away_for_a_moment_and_a_crash() =
        on_a_network(8_293_449_808_313_070_252, 2, (3, 21, 3), 0, &[(3, ServerDown(1)), (6, Crash(0))]);
    fn an_invalidate_that_is_killed_and_a_failing_read() = on_a_network(0, 1, (1, 1, 0), 0, &[
        (7, Invalidate(0)), (10, Kill(1)), (14, Fail(Call::Read, 2, Errno::EIO)), (0, Crash(0)),
    ]);
    /// What a living writer's host had not sent yet was taken for damage.
    fn many_hosts_and_nothing_that_goes_wrong() =
        on_a_network(17_500_358_741_513_023_321, 2, (4, 7, 6), 20, &[]);

    // Found when checks, cleanups and failing attributes were new.
    /// Files that an invalidate removes were reported as damage.
    fn a_check_during_an_invalidate() =
        on_one_host(1_611_169_994_418_093_700, (1, 10, 1), 0, &[(61, Invalidate(8)), (0, Check(false))]);
    fn a_check_during_an_invalidate_on_a_network() = Plan {
        lost_answers: 60,
        ..on_a_network(8_486_046_994_752_964_798, 1, (1, 13, 1), 20, &[
            (1, Join), (46, WorkOnFormer(1)), (1, CleanUp), (14, Invalidate(26)), (3, Check(false)), (6, Kill(2)),
        ])
    };
    /// A result was lost because its open file was said to be gone, once.
    fn an_open_file_that_is_lost_for_a_moment() = on_one_host(3_883_333_627_497_202_238, (3, 5, 1), 0, &[
        (1, Join), (26, Fail(Call::Stat, 23, Errno::ESTALE)), (78, Check(false)),
    ]);
    fn an_open_file_that_is_lost_for_a_moment_on_a_network() = Plan {
        lost_answers: 60,
        ..on_a_network(10_231_736_506_352_022_578, 1, (1, 2, 0), 0, &[
            (18, Invalidate(0)), (0, Kill(2)), (4, Pack(false)), (6, Pack(false)),
            (43, Fail(Call::Stat, 8, Errno::ESTALE)),
        ])
    };
    /// A blob was removed as an orphan because its record could not be read at that moment.
    fn a_record_that_cannot_be_read_during_a_cleanup() = on_one_host(741_077_352_900_330_515, (1, 14, 1), 0, &[
        (68, CleanUp), (0, Join), (0, Join), (0, Kill(1)), (0, Kill(1)),
        (0, Fail(Call::FreshStat, 8, Errno::ESTALE)),
    ]);

    /// The segment of a living worker was read now and then only, because its file could not be read once.
    fn a_living_worker_whose_file_cannot_be_read_for_a_moment() = Plan {
        lost_answers: 60,
        links_max: 6,
        ..on_a_network(12_129_179_525_489_659_607, 2, (4, 20, 7), 20, &[
            (44, Check(true)), (97, Rot(0)), (40, Pack(false)), (10, CleanUp), (3, Pause(6, 223)),
            (34, CutOff(0, 194)), (0, Fail(Call::Read, 28, Errno::ESTALE)), (0, Invalidate(17)), (48, Join),
        ])
    };
    /// Somebody had looked for a worker at the moment before its file had its name: on that host it counted as dead.
    fn a_check_while_a_worker_registers() = on_a_network(13_989_650_864_784_366_006, 2, (2, 23, 0), 400, &[(4, Join), (3, Pause(2, 152)), (4, Rot(0)), (3, Check(false))]);
    /// The name of a claim that was given back stayed for ever, because it was said to be gone when it was not.
    fn a_name_that_cannot_be_removed_at_first() = Plan {
        links_max: 7,
        ..on_a_network(3_878_211_453_287_945_754, 3, (4, 15, 5), 400, &[
            (7, Invalidate(8)), (36, Check(true)), (0, Fail(Call::Unlink, 1, Errno::ESTALE)),
        ])
    };
    /// A blob was in a directory that another worker had created, and not synced before it was killed.
    fn kills_during_a_cleanup_and_a_power_cut() = on_one_host(13_830_913_229_635_652_469, (2, 2, 2), 20, &[
        (14, CleanUp), (1, Kill(1)), (48, Kill(0)), (0, Look), (6, PowerCut),
    ]);
    /// A pack was removed as one that was never published, because its manifest was published, and its maker ended,
    /// after the one who removed it had read the manifest before.
    fn a_cleanup_while_another_one_packs_and_ends() = on_one_host(11_958_917_215_220_014_937, (2, 15, 4), 0, &[
        (0, Join), (1, Kill(0)), (59, Rot(0)), (7, Join), (24, Pack(false)), (6, Rot(0)), (0, CleanUp),
        (20, WorkOnFormer(0)), (0, Pause(0, 8)), (0, Join),
    ]);
    /// A claim whose answer was lost was taken for that of the worker who had the task before, and kept for ever.
    fn a_lost_answer_to_a_claim_that_another_one_had() = Plan {
        lost_answers: 60,
        links_max: 7,
        ..on_a_network(9_074_972_615_058_033_392, 2, (4, 19, 0), 20, &[
            (19, Rot(0)), (0, Fail(Call::List, 8, Errno::EIO)), (64, Invalidate(6)), (7, Pause(3, 11_984)),
            (1, ServerDown(8_476)), (6, CutOff(0, 7_853)), (89, Rot(9)),
        ])
    };
    /// The directories of a jugdir were on disk, and its FORMAT was not.
    fn a_power_cut_while_several_create_the_jugdir() = on_one_host(2_712_121_719_282_851_534, (2, 2, 0), 0, &[(5, Rot(0)), (2, Pack(false)), (2, Kill(4)), (5, PowerCut)]);
    // The simulation itself was wrong here: clocks that are a little slow, and a task begun while nobody answers.
    fn an_index_rots_and_everything_is_packed_before_a_power_cut() = on_one_host(5_121_380_325_377_074_969, (2, 9, 4), 400, &[
        (0, Kill(0)), (5, Fail(Call::Unlink, 0, Errno::EIO)), (89, CleanUp), (70, Kill(2)), (5, Look), (3, Rot(7)), (6, Pack(true)),
        (107, PowerCut),
    ]);

    fn a_worker_joins_and_a_look_fails_while_somebody_packs() = Plan {
        links_max: 7,
        ..on_a_network(9_748_618_630_164_122_276, 2, (1, 18, 1), 0, &[
            (4, Invalidate(0)), (6, Pack(false)), (1, Crash(0)), (13, Join),
            (2, Fail(Call::FreshStat, 16, Errno::EIO)), (50, Pack(false)), (6, Join),
        ])
    };

    fn a_host_that_is_cut_off_for_longer_than_a_lease() = Plan {
        lost_answers: 60,
        links_max: 6,
        ..on_a_network(4_497_003_441_605_674_455, 3, (2, 23, 5), 400, &[
            (61, CutOff(2, 126_400)), (80, Check(true)), (0, Rot(0)),
        ])
    };
    // Here too: the process that judged waited for a host that was cut off, and all others for that process.
    fn a_crash_of_a_host_that_is_cut_off() = Plan {
        lost_answers: 60,
        ..on_a_network(4_551_694_398_463_927_791, 2, (4, 13, 5), 300_000, &[
            (4, Invalidate(0)), (3, CutOff(0, 173_734)), (2, Pause(0, 1_579)), (93, Kill(0)), (0, Join), (0, Crash(0)),
        ])
    };
    fn a_slow_clock_and_a_crash() = Plan {
        links_max: 7,
        ..on_a_network(12_314_231_561_772_247_398, 3, (1, 21, 5), 400, &[
            (50, Invalidate(5)), (50, Fail(Call::Sync, 0, Errno::ENOSPC)), (5, Crash(0)),
        ])
    };
    fn a_slow_clock_and_a_power_cut() = on_one_host(14_302_934_435_178_555_807, (3, 18, 5), 20, &[
        (6, Join), (24, Rot(0)), (2, Invalidate(1)), (5, ServerDown(30_328)), (6, Kill(2)), (53, PowerCut),
    ]);
}

/// What every plan below has in common: work enough for a call to be made often.
fn with_fault(is_network: bool, seed: u64, trouble: Trouble) -> Plan {
    let troubles = [
        (5, trouble),
        (0, Join),
        (40, Invalidate(2)),
        (10, Kill(0)),
        (10, Join),
        (20, Pack(true)),
        (60, Check(true)),
    ];
    let plan = on_one_host(seed, (2, 20, 4), 20_000, &troubles);
    Plan { is_network, hosts: if is_network { 2 } else { 1 }, ..plan }
}

#[test]
fn every_call_that_can_fail_is_made_and_fails_in_every_way() {
    for (call, errors) in super::FAULTS {
        for errno in *errors {
            let met = (0..40_u64).any(|seed| {
                let after = u32::try_from(seed % 3).unwrap();
                let plan = with_fault(*call != Call::Lock, seed, Fail(*call, after, *errno));
                let course = schedule::run(&plan).unwrap_or_else(|what| panic!("{call:?} {errno:?}: {what}"));
                course.errors.contains_key(&(*call, *errno as i32))
            });
            assert!(met, "{call:?} was never made, and so never failed with {errno:?}");
        }
    }
}

#[test]
fn a_file_that_another_host_removed_is_stale_for_who_has_it_open() {
    let plan = |seed| {
        let troubles = [(40, Pack(true)), (5, Kill(0)), (60, Pack(true)), (5, Join), (30, Pack(true))];
        on_a_network(seed, 3, (4, 20, 4), 20, &troubles)
    };
    let met = (0..400).any(|seed| {
        let course = schedule::run(&plan(seed)).unwrap();
        let stale = |call| course.errors.contains_key(&(call, Errno::ESTALE as i32));
        stale(Call::FreshStat) || stale(Call::Read)
    });
    assert!(met, "nobody had a file open that another host had removed");
}

/// A host is suspended for longer than a lease, and what its workers were writing is packed. They do not know.
#[test]
fn a_worker_goes_on_that_was_suspended_while_its_segment_was_packed() {
    let in_vain = |seed: u32| {
        let mut troubles = vec![(60 + seed, Suspend(0, 900_000))];
        troubles.extend([(220, Pack(true)); 6]);
        // Whatever was promised by then is looked for.
        troubles.push((60, Crash(1)));
        let plan = on_a_network(u64::from(seed), 2, (4, 24, 4), 300_000, &troubles);
        schedule::run(&plan).unwrap_or_else(|what| panic!("{seed}: {what}")).in_vain
    };
    let met: u64 = (0..40).map(in_vain).sum();
    assert!(met > 0, "nobody wrote to a segment that was packed");
}

#[test]
fn a_file_has_as_many_names_as_it_can_have_sooner_or_later() {
    let plan = Plan { links_max: 3, ..on_a_network(1, 2, (2, 20, 0), 20, &[]) };
    let course = schedule::run(&plan).unwrap();
    assert!(course.errors.contains_key(&(Call::Link, Errno::EMLINK as i32)));
}

#[test]
fn hosts_have_clocks_of_their_own() {
    let hosts = schedule::clocks(&on_a_network(1, 3, (1, 1, 0), 0, &[]));
    let mut others = hosts.clone();
    others.dedup();
    assert_eq!(
        (hosts.len(), others.len()),
        (3, 3),
        "each is early or late, and too fast or too slow: {hosts:?}"
    );
}

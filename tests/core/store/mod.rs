//! Results in a jugdir.

mod blob;
mod compaction;
mod compaction_link_mode;
mod compaction_model;
mod durations;
mod epoch;
mod follow;
mod index;
mod media_error;
mod media_error_repair;
mod pack_corruption;
mod pack_format;
mod read;
mod record;
mod repair;
mod writer;

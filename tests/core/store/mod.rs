//! Results in a jugdir.

mod batch;
mod batch_in_pack;
mod blob;
mod compaction;
mod compaction_link_mode;
mod compaction_model;
mod epoch;
mod follow;
mod index;
mod large_values;
mod many;
mod media_error;
mod media_error_repair;
mod pack_corruption;
mod pack_format;
mod pack_headers;
mod read;
mod record;
mod repair;
mod unfinished_batch;
mod writer;

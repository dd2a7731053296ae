//! The table of runs in an index: which records of a pack come from which segment.

/// The records of one segment in a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Where the first of them begins.
    pub offset: u64,
    /// The segment's file name; empty for records that no segment held as they are.
    pub origin: String,
    /// The texts of the name ids in them.
    pub names: Vec<(u32, String)>,
}

/// The bytes of the table of runs.
pub fn encode_runs(runs: &[Run]) -> Vec<u8> {
    let mut out = Vec::new();
    for run in runs {
        out.extend_from_slice(&run.offset.to_le_bytes());
        text(&mut out, &run.origin);
        let count = u32::try_from(run.names.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&count.to_le_bytes());
        for (id, name) in &run.names {
            out.extend_from_slice(&id.to_le_bytes());
            text(&mut out, name);
        }
    }
    out
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// Reads the table of runs; `None` where it makes no sense.
pub fn decode_runs(mut bytes: &[u8]) -> Option<Vec<Run>> {
    let mut runs = Vec::new();
    while !bytes.is_empty() {
        let offset = u64::from_le_bytes(take(&mut bytes)?);
        let origin = take_text(&mut bytes)?;
        let count = u32::from_le_bytes(take(&mut bytes)?);
        let mut names = Vec::new();
        for _ in 0..count {
            names.push((u32::from_le_bytes(take(&mut bytes)?), take_text(&mut bytes)?));
        }
        runs.push(Run { offset, origin, names });
    }
    Some(runs)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

fn take_text(bytes: &mut &[u8]) -> Option<String> {
    let length = u32::from_le_bytes(take(bytes)?) as usize;
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    String::from_utf8(text.to_vec()).ok()
}

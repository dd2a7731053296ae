//! An array as bytes: a head that says how to read them, padding, the raw elements.
//!
//! Layout: order (u8, `C` or `F`), a reserved byte, number of dimensions (u16), length of the dtype's
//! description (u32), the shape (u64 each), the description (text), zeros up to a multiple of
//! [`ALIGNMENT`], the elements. All integers are little-endian.

/// The elements begin at a multiple of this.
pub const ALIGNMENT: usize = 64;
const FIXED: usize = 8;

/// In which order the elements follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The last index changes fastest.
    C,
    /// The first index changes fastest.
    Fortran,
}

/// What is to be known of an array beside its elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayHeader {
    /// The order of the elements.
    pub order: Order,
    /// The length of each dimension.
    pub shape: Vec<u64>,
    /// The dtype, as text.
    pub dtype: String,
}

impl ArrayHeader {
    /// The head as bytes, padded; `None` where it has more dimensions or text than the form can hold.
    pub fn encode(&self) -> Option<Vec<u8>> {
        let dimensions = u16::try_from(self.shape.len()).ok()?;
        let length = u32::try_from(self.dtype.len()).ok()?;
        let mut out = vec![if self.order == Order::C { b'C' } else { b'F' }, 0];
        out.extend_from_slice(&dimensions.to_le_bytes());
        out.extend_from_slice(&length.to_le_bytes());
        self.shape.iter().for_each(|length| out.extend_from_slice(&length.to_le_bytes()));
        out.extend_from_slice(self.dtype.as_bytes());
        out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
        Some(out)
    }

    /// How long the head is that begins with these bytes, at least [`ALIGNMENT`]; `None` if it is none.
    pub fn length(start: &[u8]) -> Option<usize> {
        let [order, _, d0, d1, t0, t1, t2, t3] = *start.first_chunk::<FIXED>()?;
        let dimensions = usize::from(u16::from_le_bytes([d0, d1]));
        let text = u32::from_le_bytes([t0, t1, t2, t3]) as usize;
        let end = (FIXED + 8 * dimensions).checked_add(text)?;
        b"CF".contains(&order).then(|| end.next_multiple_of(ALIGNMENT))
    }

    /// The head at the start of `bytes` and where the elements begin; `None` if there is no such head.
    pub fn decode(bytes: &[u8]) -> Option<(ArrayHeader, usize)> {
        let fixed = bytes.get(..FIXED)?;
        let order = match fixed[0] {
            b'C' => Order::C,
            b'F' => Order::Fortran,
            _ => return None,
        };
        let dimensions = usize::from(u16::from_le_bytes([fixed[2], fixed[3]]));
        let length = u32::from_le_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]) as usize;
        let text = FIXED + 8 * dimensions;
        let shape = bytes.get(FIXED..text)?.as_chunks::<8>().0;
        let shape = shape.iter().map(|length| u64::from_le_bytes(*length)).collect();
        let end = text.checked_add(length)?;
        let dtype = std::str::from_utf8(bytes.get(text..end)?).ok()?.to_owned();
        let data = end.next_multiple_of(ALIGNMENT);
        (data <= bytes.len()).then_some((ArrayHeader { order, shape, dtype }, data))
    }
}

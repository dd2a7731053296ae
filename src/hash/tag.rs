//! The first byte of every encoding: what kind of value follows.

/// What kind of value follows. The letters are a promise of the key format: new ones may be added,
/// none may change its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Tag {
    /// `None`.
    None = b'N',
    /// `True`.
    True = b'T',
    /// `False`.
    False = b'F',
    /// `...`
    Ellipsis = b'.',
    /// `NotImplemented`.
    NotImplemented = b'!',
    /// An int of any size.
    Int = b'i',
    /// A float.
    Float = b'd',
    /// A complex number.
    Complex = b'j',
    /// A str.
    Str = b's',
    /// A bytes object.
    Bytes = b'b',
    /// A bytearray.
    ByteArray = b'y',
    /// A list.
    List = b'l',
    /// A tuple.
    Tuple = b't',
    /// A dict, whatever the order of its items.
    Dict = b'D',
    /// Key-value pairs whose order counts.
    OrderedDict = b'O',
    /// A set.
    Set = b'S',
    /// A frozenset.
    FrozenSet = b'Z',
    /// A class, by module and qualified name.
    Class = b'C',
    /// A function, by module and qualified name.
    Function = b'f',
    /// A method: its name and the object it is bound to.
    Method = b'm',
    /// A module, by name.
    Module = b'M',
    /// A value of a known type: the type's own name in this format, then its fields.
    Value = b'v',
    /// An object taken apart by its reduce protocol: what is called, with what, then its state.
    Reduced = b'R',
    /// An instance of a subclass of a known type: its class, the value, its attributes.
    Subclass = b'u',
    /// A numpy dtype.
    Dtype = b'p',
    /// A numpy array.
    Array = b'a',
    /// A numpy scalar.
    Scalar = b'n',
    /// An object that holds itself: how many levels up.
    BackReference = b'^',
    /// A task among the arguments, by its key.
    TaskKey = b'k',
    /// A container beside list, tuple and dict in which something is replaced by a result: the value follows.
    Replaced = b'r',
    /// What `__jug_hash__` returned.
    Custom = b'h',
    /// A lambda, by its code.
    Lambda = b'L',
    /// A code object.
    Code = b'c',
    /// The digest that stands for an encoding too long to be copied around.
    Folded = b'#',
    /// The identity of a task: its name, its arguments.
    Task = b'K',
}

//! Names that other versions of a library give to what is the same thing: where a function or class is found today
//! stands for where it was, or will be.
//!
//! What is "today" is fixed: numpy 2.4 and pandas 3.1 under Python 3.11, with which keys were written down. Nothing is
//! in these tables that names something there, and no two things that are there at once get one name
//! (`tests/keys/test_moved.py`). `./dev upgrades` compares what other versions have.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Where one of these names was or will be, where it is, and the names: a row for each module it was in.
type Row = (&'static str, &'static str, &'static [&'static str]);

/// The module and the name under which something is known today, if another version has it elsewhere.
pub(super) fn today<'a>(
    py: Python<'_>,
    module: &'a str,
    name: &'a str,
) -> PyResult<Option<(&'static str, &'a str)>> {
    Ok(match module.split('.').next() {
        Some("numpy" | "pandas") => of_libraries(module, name),
        // Most functions and classes are a jugfile's own, and end here.
        Some("re" | "zipfile" | "genericpath") => of_python(module, name),
        // Before Python had modules of these names, anybody may have had.
        Some("annotationlib" | "profiling") => match of_python(module, name) {
            Some(now) if is_pythons(py, module)? => Some(now),
            _ => None,
        },
        _ => None,
    })
}

/// The same for the name of a task, in which a method is without its class.
pub(super) fn today_of_task<'a>(
    py: Python<'_>,
    module: &'a str,
    name: &'a str,
) -> PyResult<Option<(&'static str, &'a str)>> {
    match module {
        "pathlib._local" | "pathlib._abc" => Ok(Some(("pathlib", name))),
        _ => today(py, module, name),
    }
}

/// Whether a module that is imported lies where the standard library does.
fn is_pythons(py: Python<'_>, module: &str) -> PyResult<bool> {
    let sys = py.import("sys")?;
    let package = module.split('.').next();
    if !sys.getattr("stdlib_module_names")?.contains(package)? {
        return Ok(false);
    }
    let modules = sys.getattr("modules")?.cast_into::<PyDict>()?;
    let file_of = |name: &str| -> PyResult<Option<PathBuf>> {
        let Some(module) = modules.get_item(name)? else { return Ok(None) };
        let file = module.getattr_opt("__file__")?.filter(|file| !file.is_none());
        file.map(|file| file.extract()).transpose()
    };
    let (Some(file), Some(known)) = (file_of(module)?, file_of("os")?) else { return Ok(false) };
    Ok(known.parent().is_some_and(|home| file.starts_with(home)))
}

fn of_libraries<'a>(module: &'a str, name: &'a str) -> Option<(&'static str, &'a str)> {
    let renamed = module.strip_prefix("numpy.core.").map(|rest| format!("numpy._core.{rest}"));
    let module = renamed.as_deref().unwrap_or(module);
    match module {
        // What loads a pickle of NaT.
        "pandas._libs.tslibs.nattype" if name == "__nat_unpickle" => {
            return Some(("pandas._libs.tslibs.nattype", "_nat_unpickle"));
        }
        "numpy.random.mtrand" if name.starts_with("RandomState.") => return Some(("numpy.random", name)),
        _ => {}
    }
    if let Some((_, _, now, renamed)) = RENAMED.iter().find(|it| (it.0, it.1) == (module, name)) {
        return Some((*now, *renamed));
    }
    let first = MOVED.partition_point(|(before, _, _)| *before < module);
    let rows = MOVED[first..].iter().take_while(|(before, _, _)| *before == module);
    rows.into_iter().find(|(_, _, names)| names.contains(&name)).map(|(_, now, _)| (*now, name))
}

fn of_python<'a>(module: &'a str, name: &'a str) -> Option<(&'static str, &'a str)> {
    Some(match (module, name) {
        ("re", "PatternError") => ("re", "error"),
        ("re", "prefixmatch") => ("re", "match"),
        ("zipfile._path", _) => ("zipfile", name),
        ("annotationlib", "get_annotations") => ("inspect", name),
        ("profiling.tracing", "Profile" | "run" | "runctx") => ("cProfile", name),
        ("profiling.tracing", _) if name.starts_with("Profile.") => ("cProfile", name),
        ("genericpath", "islink" | "lexists") => (if cfg!(windows) { "ntpath" } else { "posixpath" }, name),
        _ => return None,
    })
}

/// What has another name, too: where it was and how it was called, then where it is and how it is called.
static RENAMED: &[(&str, &str, &str, &str)] = &[
    ("numpy.char", "join", "numpy.strings", "_join"),
    ("numpy.char", "rsplit", "numpy.strings", "_rsplit"),
    ("numpy.char", "split", "numpy.strings", "_split"),
    ("numpy.char", "splitlines", "numpy.strings", "_splitlines"),
];

/// In the order of where they were.
#[rustfmt::skip]
static MOVED: &[Row] = &[
    ("numpy", "numpy.char", &["chararray"]),
    ("numpy", "numpy.lib.npyio", &["DataSource"]),
    ("numpy._core._multiarray_umath", "numpy.char", &["compare_chararrays"]),
    ("numpy._core._multiarray_umath", "numpy.lib", &["add_docstring"]),
    ("numpy._core._multiarray_umath", "numpy.lib.array_utils", &["normalize_axis_index"]),
    ("numpy._core.defchararray", "numpy.char", &["multiply"]),
    ("numpy._core.function_base", "numpy.lib", &["add_newdoc"]),
    ("numpy._core.numeric", "numpy.lib.array_utils", &["normalize_axis_tuple"]),
    ("numpy._core.records", "numpy.rec", &["find_duplicate"]),
    ("numpy._core.strings", "numpy.strings", &["_join", "_rsplit", "_split", "_splitlines", "capitalize", "center", "count", "decode", "encode",
        "endswith", "expandtabs", "find", "index", "ljust", "lower", "lstrip", "mod", "multiply", "replace",
        "rfind", "rindex", "rjust", "rstrip", "startswith", "strip", "swapcase", "title", "translate", "upper",
        "zfill"]),
    ("numpy.char", "numpy.strings", &["capitalize", "center", "count", "decode", "encode", "endswith",
        "expandtabs", "find", "index", "isalnum", "isalpha", "isdecimal", "isdigit", "islower", "isnumeric",
        "isspace", "istitle", "isupper", "ljust", "lower", "lstrip", "mod", "replace", "rfind", "rindex",
        "rjust", "rstrip", "startswith", "str_len", "strip", "swapcase", "title", "translate", "upper",
        "zfill"]),
    ("numpy.compat.py3k", "numpy.lib.format", &["isfileobj"]),
    ("numpy.lib._arrayterator_impl", "numpy.lib", &["Arrayterator"]),
    ("numpy.lib._scimath_impl", "numpy.lib.scimath", &["arccos", "arcsin", "arctanh", "log", "log10",
        "log2", "logn", "power", "sqrt"]),
    ("numpy.lib._user_array_impl", "numpy.lib.user_array", &["container"]),
    ("numpy.lib._utils_impl", "numpy.lib.format", &["drop_metadata"]),
    ("numpy.lib._version", "numpy.lib", &["NumpyVersion"]),
    ("numpy.lib.arrayterator", "numpy.lib", &["Arrayterator"]),
    ("numpy.lib.index_tricks", "numpy.lib._index_tricks_impl", &["AxisConcatenator", "CClass",
        "IndexExpression", "MGridClass", "OGridClass", "RClass", "nd_grid"]),
    ("numpy.lib.polynomial", "numpy.lib._polynomial_impl", &["poly1d.deriv", "poly1d.integ"]),
    ("numpy.lib.utils", "numpy", &["get_include", "show_runtime"]),
    ("numpy.lib.utils", "numpy.lib.format", &["drop_metadata"]),
    ("numpy.linalg.linalg", "numpy.linalg._linalg", &["EigResult", "EighResult", "QRResult", "SVDResult",
        "SlogdetResult"]),
    ("numpy.random._generator", "numpy.random", &["default_rng"]),
    ("numpy.random.mtrand", "numpy.random", &["get_bit_generator", "ranf", "sample", "seed",
        "set_bit_generator"]),
    ("pandas._config.config", "pandas", &["option_context"]),
    ("pandas._config.config", "pandas.errors", &["OptionError"]),
    ("pandas._libs.interval", "pandas", &["Interval"]),
    ("pandas._libs.lib", "pandas.api.types", &["infer_dtype", "is_bool", "is_complex", "is_float",
        "is_integer", "is_iterator", "is_list_like", "is_scalar"]),
    ("pandas._libs.missing", "pandas", &["NA"]),
    ("pandas._libs.missing", "pandas.api.typing", &["NAType"]),
    ("pandas._libs.tslibs.nattype", "pandas.api.typing", &["NaTType"]),
    ("pandas._libs.tslibs.np_datetime", "pandas.errors", &["OutOfBoundsDatetime", "OutOfBoundsTimedelta"]),
    ("pandas._libs.tslibs.offsets", "pandas", &["DateOffset"]),
    ("pandas._libs.tslibs.period", "pandas", &["Period"]),
    ("pandas._libs.tslibs.period", "pandas.errors", &["IncompatibleFrequency"]),
    ("pandas._libs.tslibs.timedeltas", "pandas", &["Timedelta"]),
    ("pandas._libs.tslibs.timestamps", "pandas", &["Timestamp"]),
    ("pandas._testing.asserters", "pandas.testing", &["assert_extension_array_equal", "assert_frame_equal",
        "assert_index_equal", "assert_series_equal"]),
    ("pandas.core.accessor", "pandas.api.extensions", &["register_dataframe_accessor",
        "register_index_accessor", "register_series_accessor"]),
    ("pandas.core.algorithms", "pandas", &["factorize", "unique"]),
    ("pandas.core.algorithms", "pandas.api.extensions", &["take"]),
    ("pandas.core.arrays.arrow.array", "pandas.arrays", &["ArrowExtensionArray"]),
    ("pandas.core.arrays.base", "pandas.api.extensions", &["ExtensionArray", "ExtensionScalarOpsMixin"]),
    ("pandas.core.arrays.boolean", "pandas", &["BooleanDtype"]),
    ("pandas.core.arrays.boolean", "pandas.arrays", &["BooleanArray"]),
    ("pandas.core.arrays.categorical", "pandas", &["Categorical"]),
    ("pandas.core.arrays.datetimes", "pandas.arrays", &["DatetimeArray"]),
    ("pandas.core.arrays.floating", "pandas", &["Float32Dtype", "Float64Dtype"]),
    ("pandas.core.arrays.floating", "pandas.arrays", &["FloatingArray"]),
    ("pandas.core.arrays.integer", "pandas", &["Int16Dtype", "Int32Dtype", "Int64Dtype", "Int8Dtype",
        "UInt16Dtype", "UInt32Dtype", "UInt64Dtype", "UInt8Dtype"]),
    ("pandas.core.arrays.integer", "pandas.arrays", &["IntegerArray"]),
    ("pandas.core.arrays.interval", "pandas.arrays", &["IntervalArray"]),
    ("pandas.core.arrays.numpy_", "pandas.arrays", &["NumpyExtensionArray"]),
    ("pandas.core.arrays.period", "pandas.arrays", &["PeriodArray"]),
    ("pandas.core.arrays.sparse.array", "pandas.arrays", &["SparseArray"]),
    ("pandas.core.arrays.string_", "pandas", &["StringDtype"]),
    ("pandas.core.arrays.string_", "pandas.arrays", &["StringArray"]),
    ("pandas.core.arrays.string_arrow", "pandas.arrays", &["ArrowStringArray"]),
    ("pandas.core.arrays.timedeltas", "pandas.arrays", &["TimedeltaArray"]),
    ("pandas.core.computation.eval", "pandas", &["eval"]),
    ("pandas.core.construction", "pandas", &["array"]),
    ("pandas.core.dtypes.base", "pandas.api.extensions", &["ExtensionDtype", "register_extension_dtype"]),
    ("pandas.core.dtypes.common", "pandas.api.types", &["is_any_real_numeric_dtype", "is_bool_dtype",
        "is_categorical_dtype", "is_complex_dtype", "is_datetime64_any_dtype", "is_datetime64_dtype",
        "is_datetime64_ns_dtype", "is_datetime64tz_dtype", "is_dtype_equal", "is_extension_array_dtype",
        "is_float_dtype", "is_int64_dtype", "is_integer_dtype", "is_interval_dtype", "is_numeric_dtype",
        "is_object_dtype", "is_period_dtype", "is_signed_integer_dtype", "is_sparse", "is_string_dtype",
        "is_timedelta64_dtype", "is_timedelta64_ns_dtype", "is_unsigned_integer_dtype", "pandas_dtype"]),
    ("pandas.core.dtypes.concat", "pandas.api.types", &["union_categoricals"]),
    ("pandas.core.dtypes.dtypes", "pandas", &["ArrowDtype", "CategoricalDtype", "DatetimeTZDtype",
        "IntervalDtype", "PeriodDtype", "SparseDtype"]),
    ("pandas.core.dtypes.inference", "pandas.api.types", &["is_array_like", "is_dict_like", "is_file_like",
        "is_hashable", "is_named_tuple", "is_number", "is_re", "is_re_compilable"]),
    ("pandas.core.dtypes.missing", "pandas", &["isna", "notna"]),
    ("pandas.core.flags", "pandas", &["Flags"]),
    ("pandas.core.groupby.generic", "pandas", &["NamedAgg"]),
    ("pandas.core.groupby.generic", "pandas.api.typing", &["DataFrameGroupBy", "SeriesGroupBy"]),
    ("pandas.core.groupby.grouper", "pandas", &["Grouper"]),
    ("pandas.core.indexers.objects", "pandas.api.indexers", &["BaseIndexer", "FixedForwardWindowIndexer",
        "VariableOffsetWindowIndexer"]),
    ("pandas.core.indexers.utils", "pandas.api.indexers", &["check_array_indexer"]),
    ("pandas.core.indexes.frozen", "pandas.api.typing", &["FrozenList"]),
    ("pandas.core.interchange.dataframe_protocol", "pandas.api.interchange", &["DataFrame"]),
    ("pandas.core.interchange.from_dataframe", "pandas.api.interchange", &["from_dataframe"]),
    ("pandas.core.resample", "pandas.api.typing", &["Resampler", "TimeGrouper"]),
    ("pandas.core.reshape.concat", "pandas", &["concat"]),
    ("pandas.core.reshape.encoding", "pandas", &["from_dummies", "get_dummies"]),
    ("pandas.core.reshape.melt", "pandas", &["lreshape", "melt", "wide_to_long"]),
    ("pandas.core.reshape.merge", "pandas", &["merge", "merge_asof", "merge_ordered"]),
    ("pandas.core.reshape.pivot", "pandas", &["crosstab", "pivot", "pivot_table"]),
    ("pandas.core.reshape.tile", "pandas", &["cut", "qcut"]),
    ("pandas.core.tools.datetimes", "pandas", &["to_datetime"]),
    ("pandas.core.tools.numeric", "pandas", &["to_numeric"]),
    ("pandas.core.tools.timedeltas", "pandas", &["to_timedelta"]),
    ("pandas.core.window.ewm", "pandas.api.typing", &["ExponentialMovingWindow"]),
    ("pandas.core.window.expanding", "pandas.api.typing", &["Expanding"]),
    ("pandas.core.window.rolling", "pandas.api.typing", &["Rolling", "Window"]),
    ("pandas.io.clipboards", "pandas", &["read_clipboard"]),
    ("pandas.io.excel._base", "pandas", &["ExcelFile", "ExcelWriter", "read_excel"]),
    ("pandas.io.feather_format", "pandas", &["read_feather"]),
    ("pandas.io.formats.format", "pandas", &["set_eng_float_format"]),
    ("pandas.io.html", "pandas", &["read_html"]),
    ("pandas.io.json._json", "pandas", &["read_json"]),
    ("pandas.io.json._json", "pandas.api.typing", &["JsonReader"]),
    ("pandas.io.json._normalize", "pandas", &["json_normalize"]),
    ("pandas.io.orc", "pandas", &["read_orc"]),
    ("pandas.io.parquet", "pandas", &["read_parquet"]),
    ("pandas.io.parsers.readers", "pandas", &["read_csv", "read_fwf", "read_table"]),
    ("pandas.io.pickle", "pandas", &["read_pickle", "to_pickle"]),
    ("pandas.io.pytables", "pandas", &["HDFStore", "read_hdf"]),
    ("pandas.io.sas.sasreader", "pandas", &["read_sas"]),
    ("pandas.io.spss", "pandas", &["read_spss"]),
    ("pandas.io.sql", "pandas", &["read_sql", "read_sql_query", "read_sql_table"]),
    ("pandas.io.stata", "pandas", &["read_stata"]),
    ("pandas.io.stata", "pandas.api.typing", &["StataReader"]),
    ("pandas.io.xml", "pandas", &["read_xml"]),
    ("pandas.plotting._core", "pandas.plotting", &["PlotAccessor", "boxplot", "boxplot_frame",
        "boxplot_frame_groupby", "hist_frame", "hist_series"]),
    ("pandas.plotting._misc", "pandas.plotting", &["andrews_curves", "autocorrelation_plot",
        "bootstrap_plot", "deregister", "lag_plot", "parallel_coordinates", "radviz", "register",
        "scatter_matrix", "table"]),
    ("pandas.tseries.frequencies", "pandas", &["infer_freq"]),
    ("pandas.util._print_versions", "pandas", &["show_versions"]),
    ("pandas.util._tester", "pandas", &["test"]),
    ("pandas.util.version", "pandas.errors", &["InvalidVersion"]),
];

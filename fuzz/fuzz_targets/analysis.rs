#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| nsg_engine_fuzz::analysis(data));

/// Without a fuzzer: runs the target on the files named on the command line.
#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    nsg_engine_fuzz::replay_files(nsg_engine_fuzz::analysis, std::env::args_os().skip(1))
}

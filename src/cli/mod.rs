//! Words in, words out: arguments, messages, exit codes, wiring.
//!
//! Results go to standard output, everything else to standard error. Exit code 0: done, or consistent; 1: it
//! was checked, and the answer is no; 2: it could not be done or checked.

mod arguments;
mod audit;
mod directory;
mod events;
mod fault;
mod member;
mod notices;
mod output;
mod profile;
mod recovery;
mod registrar;
mod sending;
#[cfg(feature = "server")]
mod server;
mod stop;
mod terminal;
mod witness;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use fault::CliFault;
use output::Output;

/// Runs the program with these arguments, the first of which is its name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(refused) => {
            // Help and version are results; everything else goes to standard error.
            let _ = refused.print();
            return ExitCode::from(if refused.use_stderr() { 2 } else { 0 });
        }
    };
    let output = Output::new(arguments.json);
    match dispatch(arguments, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            output.fault(&fault);
            ExitCode::from(fault.exit_code())
        }
    }
}

fn dispatch(arguments: Arguments, output: &Output) -> Result<(), CliFault> {
    let profile = &arguments.profile;
    match arguments.command {
        Command::Send(args) => sending::send(profile, args, output),
        Command::Outbox(args) => sending::outbox(profile, &args, output),
        Command::Inbox => member::inbox(profile, output),
        Command::Show { case } => member::show(profile, &case, output),
        Command::Open(args) => member::open(profile, args, output),
        Command::Ack { case } => member::acknowledge(profile, &case, output),
        Command::Forward(args) => member::forward(profile, args, output),
        Command::Reply(args) => sending::reply(profile, args, output),
        Command::Close { case } => member::close(profile, &case, output),
        Command::Rewrap => member::rewrap(profile, output),
        Command::History { tag } => member::history(profile, &tag, output),
        Command::Audit(command) => audit::run(profile, command, output),
        Command::Directory(command) => directory::run(profile, command, output),
        Command::Profile(command) => profile::run(profile, command, output),
        Command::Registrar(command) => registrar::run(profile, command, output),
        Command::Witness(command) => witness::run(command, output),
        #[cfg(feature = "server")]
        Command::Serve { config } => server::serve(&config),
        #[cfg(feature = "server")]
        Command::Admin(command) => server::admin(command, output),
        #[cfg(feature = "server")]
        Command::Demo(args) => server::demo(&args, output),
    }
}

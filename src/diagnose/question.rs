//! What is asked.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The kind of session that Bastion is to open.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[expect(clippy::exhaustive_enums, reason = "Bastion opens these two")]
pub enum Session {
    /// Secure Shell, port 22 unless told otherwise.
    #[default]
    Ssh,
    /// Remote Desktop, port 3389 unless told otherwise.
    Rdp,
}

impl Session {
    /// The port it uses where none is given.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Ssh => 22,
            Self::Rdp => 3389,
        }
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ssh => "SSH",
            Self::Rdp => "RDP",
        })
    }
}

/// The text is not a kind of session.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{text}` is not a session: expected `ssh` or `rdp`")]
pub struct SessionError {
    text: String,
}

impl FromStr for Session {
    type Err = SessionError;

    /// Ignores case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Ssh, Self::Rdp]
            .into_iter()
            .find(|session| session.to_string().eq_ignore_ascii_case(text))
            .ok_or_else(|| SessionError { text: text.to_owned() })
    }
}

/// "Why can or can't Azure Bastion reach this machine?"
///
/// ```
/// use nsg_engine::diagnose::{BastionQuestion, Session};
///
/// let mut question = BastionQuestion::about("vm-web-01");
/// question.session = Session::Rdp;
/// assert_eq!(question.port(), 3389);
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct BastionQuestion {
    /// The machine: the name or id of a virtual machine or of its network interface, or a
    /// private address. `None` where the network holds only one machine.
    pub machine: Option<String>,
    /// What Bastion is to open.
    pub session: Session,
    /// The port at the machine; `None` for the session's own.
    pub port: Option<u16>,
    /// The Bastion host by name or id; `None` for that of the machine's virtual network or of a
    /// peered one.
    pub bastion: Option<String>,
    /// The address the user's browser or client comes from; `None` for any.
    pub client: Option<IpAddr>,
    /// What the names of rules that just-in-time access places begin with, compared without
    /// case. Microsoft does not document them.
    pub jit_rule_prefixes: Vec<String>,
}

impl BastionQuestion {
    /// SSH on port 22 to this machine, from any client.
    pub fn about(machine: impl Into<String>) -> Self {
        Self { machine: Some(machine.into()), ..Self::default() }
    }

    /// The port at the machine.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or_else(|| self.session.default_port())
    }
}

impl Default for BastionQuestion {
    fn default() -> Self {
        Self {
            machine: None,
            session: Session::Ssh,
            port: None,
            bastion: None,
            client: None,
            jit_rule_prefixes: ["MicrosoftDefenderForCloud-JITRule", "SecurityCenter-JITRule"]
                .map(String::from)
                .to_vec(),
        }
    }
}

/// The question cannot be answered from this network.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QuestionError {
    /// No machine was named and there is not exactly one.
    #[error("name the virtual machine: the input holds {count}")]
    NoMachineNamed {
        /// How many there are.
        count: usize,
    },
    /// Nothing is called that.
    #[error("no virtual machine or network interface is called `{name}`: {known}")]
    NoSuchMachine {
        /// The name asked for.
        name: String,
        /// The names there are, in words.
        known: String,
    },
    /// The machine has no network interface in the input.
    #[error("virtual machine `{machine}` has no network interface in the input")]
    NoInterface {
        /// The machine.
        machine: String,
    },
    /// Bastion connects over IPv4 only (S7.3).
    #[error("`{machine}` has no private IPv4 address: Azure Bastion connects over IPv4 only")]
    NoIpv4 {
        /// The machine.
        machine: String,
    },
    /// Users reach Bastion over IPv4 only (S7.3).
    #[error("client {client} is an IPv6 address: Azure Bastion is reached over IPv4 only")]
    ClientIpv6 {
        /// The client.
        client: IpAddr,
    },
    /// Nothing listens on port 0.
    #[error("port 0 is no port that a machine listens on: expected 1 to 65535")]
    PortZero,
    /// Neither the address nor the subnet of the machine is known.
    #[error(
        "the private address of `{machine}` is not in the input, nor the prefix of its subnet: ask with an address, or add the virtual network"
    )]
    UnknownAddress {
        /// The machine.
        machine: String,
    },
    /// Nothing is called that.
    #[error("no Bastion host is called `{name}`: {known}")]
    NoSuchBastion {
        /// The name asked for.
        name: String,
        /// The names there are, in words.
        known: String,
    },
    /// There is no Bastion host to ask about.
    #[error(
        "the input holds no Bastion host or AzureBastionSubnet in the virtual network of `{machine}` or a peer of it: add it, or name one"
    )]
    NoBastion {
        /// The machine.
        machine: String,
    },
    /// The subnet of the Bastion host is not known.
    #[error(
        "the subnet of Bastion host `{bastion}` or its prefix is not in the input: add its virtual network"
    )]
    NoBastionSubnet {
        /// The host.
        bastion: String,
    },
}

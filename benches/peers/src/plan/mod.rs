//! What is measured, and what it is held to.

mod batches;
mod flight;
mod hostile;
mod memories;
mod messages;
pub(crate) mod names;

use serde::Serialize;

use crate::{
    machine::{self, Machine},
    measure::{Series, Spread},
    memory::Memory,
};

/// Everything that was measured in one run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Where, and of what.
    pub machine: Machine,
    /// The load before and after.
    pub load: [String; 2],
    /// Whether fewer rounds than usual were run.
    pub quick: bool,
    /// Seconds that it took.
    pub seconds: u64,
    /// The table: every measured value that somebody might hold the engine to.
    pub rows: Vec<Row>,
    /// What everything cost.
    pub costs: Vec<Cost>,
    /// What the second program found.
    pub memory: Memory,
}

/// A measured value, and its target if it has one.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Which work.
    pub work: String,
    /// Beside what.
    pub beside: String,
    /// The value.
    pub value: Spread,
    /// What it is a number of.
    pub unit: Unit,
    /// What it should be.
    pub target: Option<Target>,
}

/// What a value is a number of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Unit {
    /// So many times the engine's own cost.
    TimesFaster,
    /// So many times what it is compared with.
    TimesAsMuch,
    /// Nanoseconds.
    Nanos,
    /// Milliseconds.
    Millis,
    /// Bytes.
    Bytes,
    /// Allocations an item.
    Allocations,
}

/// What a value should be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Target {
    /// Not less.
    AtLeast(f64),
    /// Not more.
    AtMost(f64),
}

impl Row {
    /// Whether the median reaches the target; `None` without one.
    pub fn passes(&self) -> Option<bool> {
        self.target.map(|target| match target {
            Target::AtLeast(least) => self.value.median >= least,
            Target::AtMost(most) => self.value.median <= most,
        })
    }
}

/// What one variant of some work cost, in nanoseconds an item.
#[derive(Debug, Clone, Serialize)]
pub struct Cost {
    /// Which work.
    pub work: &'static str,
    /// Items in one batch or message, or in flight.
    pub items: usize,
    /// Whose.
    pub variant: &'static str,
    /// Nanoseconds an item.
    pub nanos: Spread,
}

/// How much is run.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Rounds of each comparison.
    pub rounds: usize,
    /// Rounds with a million in flight.
    pub rounds_of_a_million: usize,
    /// Fewer of everything, and no comparison with a million in flight.
    pub quick: bool,
}

impl Effort {
    /// For figures to publish.
    pub const FULL: Self = Self { rounds: 25, rounds_of_a_million: 5, quick: false };
    /// For a look.
    pub const QUICK: Self = Self { rounds: 5, rounds_of_a_million: 2, quick: true };
}

/// So many steps there are to tell of.
pub fn steps(effort: &Effort) -> u64 {
    let a_round_each = batches::PARTS + messages::PARTS + hostile::PARTS + flight::SIZES.len() - 1;
    ((effort.rounds + 1) * a_round_each + effort.rounds_of_a_million + 1 + 1) as u64
}

/// Runs everything. `tick` is called at every step with what is under way.
///
/// # Errors
/// The second program, for memory, cannot be run.
pub fn run(effort: &Effort, tick: &mut dyn FnMut(&str)) -> Result<Report, String> {
    let start = std::time::Instant::now();
    let before = machine::load();
    let mut findings = Findings::default();
    batches::run(effort, &mut findings, tick);
    messages::run(effort, &mut findings, tick);
    flight::run(effort, &mut findings, tick);
    hostile::run(effort, &mut findings, tick);
    let memory = memories::run(effort, &mut findings, tick)?;
    Ok(Report {
        machine: Machine::here(),
        load: [before, machine::load()],
        quick: effort.quick,
        seconds: start.elapsed().as_secs(),
        rows: findings.rows,
        costs: findings.costs,
        memory,
    })
}

/// Rows and costs as they come.
#[derive(Debug, Default)]
struct Findings {
    rows: Vec<Row>,
    costs: Vec<Cost>,
}

impl Findings {
    fn cost(&mut self, work: &'static str, items: usize, all: &[Series]) {
        self.costs.extend(all.iter().map(|series| Cost {
            work,
            items,
            variant: series.name,
            nanos: Spread::of(series.samples.iter().copied()),
        }));
    }

    /// How much faster the engine is.
    fn faster(&mut self, work: &str, beside: &str, value: Spread, least: Option<f64>) {
        self.row(work, beside, value, Unit::TimesFaster, least.map(Target::AtLeast));
    }

    fn row(&mut self, work: &str, beside: &str, value: Spread, unit: Unit, target: Option<Target>) {
        self.rows.push(Row { work: work.to_owned(), beside: beside.to_owned(), value, unit, target });
    }
}

/// A number with a comma between thousands.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

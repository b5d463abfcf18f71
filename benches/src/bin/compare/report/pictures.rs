//! The pictures: lines over sizes, one for each contestant, on logarithmic axes.

use crate::samples::{Metric, Sample, Samples};
use crate::words::{figure, thousands};
use crate::{scale, servers, table};
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};
use std::error::Error;
use std::path::Path;

/// A picture that was drawn.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) part: &'static str,
    pub(super) title: String,
    pub(super) file: String,
}

/// What is to be drawn.
struct Plan {
    part: &'static str,
    title: &'static str,
    file: &'static str,
    /// The horizontal axis: a fact of the case, and in words.
    fact: &'static str,
    across: &'static str,
    metric: Metric,
    wanted: fn(&Sample) -> bool,
}

const PLANS: [Plan; 7] = [
    Plan {
        part: table::PART,
        title: "A claim that misses",
        file: "claim-miss.svg",
        fact: "pending",
        across: "pending reservations",
        metric: Metric::NanosecondsPerOperation,
        wanted: |s| {
            s.operation == "claim miss" && s.case.is("ports", 9.0) && s.case.is("threads", 1.0)
        },
    },
    Plan {
        part: table::PART,
        title: "A reservation made and claimed",
        file: "reserve-claim.svg",
        fact: "pending",
        across: "pending reservations",
        metric: Metric::NanosecondsPerOperation,
        wanted: |s| {
            s.operation == "reserve + claim" && s.case.is("ports", 9.0) && s.case.is("threads", 1.0)
        },
    },
    Plan {
        part: table::PART,
        title: "A reservation of a client that holds 99 % of the ports",
        file: "reserve-held.svg",
        fact: "ports",
        across: "ports",
        metric: Metric::NanosecondsPerOperation,
        wanted: |s| {
            s.operation.contains("99 %")
                && s.case.is("pending", 100_000.0)
                && s.case.is("threads", 1.0)
        },
    },
    Plan {
        part: servers::PART,
        title: "Transfers of one byte, ordinary clients",
        file: "cycles.svg",
        fact: "clients",
        across: "clients",
        metric: Metric::CyclesPerSecond,
        wanted: |s| s.operation.contains("1 byte") && s.operation.contains("ordinary"),
    },
    Plan {
        part: servers::STRANGERS,
        title: "What strangers cost the rightful clients",
        file: "strangers.svg",
        fact: "strangers",
        across: "strangers a second wanted",
        metric: Metric::P99,
        wanted: |s| !s.case.is("strangers", 0.0),
    },
    Plan {
        part: scale::PART,
        title: "Making a reservation, as their number grows",
        file: "scale-reserve.svg",
        fact: "pending",
        across: "pending reservations",
        metric: Metric::NanosecondsPerReserve,
        wanted: |_| true,
    },
    Plan {
        part: scale::PART,
        title: "From connect to accept, as the number of reservations grows",
        file: "scale-claim.svg",
        fact: "pending",
        across: "pending reservations",
        metric: Metric::P50,
        wanted: |_| true,
    },
];

/// Draws those for which there are figures.
pub(super) fn draw(samples: &Samples, directory: &Path) -> Result<Vec<Picture>, Box<dyn Error>> {
    // The letters are the viewer's; this font is there to measure them.
    register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular())
        .map_err(|_| "the built-in font cannot be read")?;
    let mut pictures = Vec::new();
    for plan in &PLANS {
        let own =
            samples.select(|s| s.part == plan.part && s.metric == plan.metric && (plan.wanted)(s));
        let lines = lines(&own, plan.fact);
        if lines.iter().any(|(_, points)| points.len() > 1) {
            plot(plan, &lines, &directory.join(plan.file))?;
            let (title, file) = (plan.title.to_owned(), plan.file.to_owned());
            pictures.push(Picture { part: plan.part, title, file });
        }
    }
    Ok(pictures)
}

type Line = (String, Vec<(f64, f64)>);

/// A line for each contestant, or for each operation where there is one contestant.
fn lines(samples: &Samples, fact: &str) -> Vec<Line> {
    let contestants = samples.distinct(|sample| sample.contestant.clone());
    let by_operation = contestants.len() == 1;
    let name = |sample: &Sample| match by_operation {
        true => sample.operation.clone(),
        false => sample.contestant.clone(),
    };
    let mut names = samples.distinct(name);
    names.sort_unstable();
    names
        .into_iter()
        .map(|line| {
            let own = samples.select(|sample| name(sample) == line);
            let mut points: Vec<(f64, f64)> = own
                .distinct(|sample| sample.case.clone())
                .into_iter()
                .filter_map(|case| {
                    let x = *case.facts.get(fact)?;
                    let at = own.select(|sample| sample.case == case);
                    let contestant = at.distinct(|sample| sample.contestant.clone()).pop()?;
                    Some((x, at.figures(&contestant)?.median))
                })
                .collect();
            points.sort_by(|one, other| one.0.total_cmp(&other.0));
            (line, points)
        })
        .collect()
}

fn plot(plan: &Plan, lines: &[Line], file: &Path) -> Result<(), Box<dyn Error>> {
    let points = || lines.iter().flat_map(|(_, points)| points);
    let ends = |of: fn(&(f64, f64)) -> f64| {
        let least = points().map(of).fold(f64::INFINITY, f64::min);
        let most = points().map(of).fold(0.0, f64::max);
        (least, most)
    };
    let ((left, right), (low, high)) = (ends(|point| point.0), ends(|point| point.1));
    let picture = SVGBackend::new(file, (820, 460)).into_drawing_area();
    picture.fill(&WHITE)?;
    let (area, legend) = picture.split_horizontally(620);
    let mut chart = ChartBuilder::on(&area)
        .caption(plan.title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(72)
        .build_cartesian_2d(
            (left..right * 1.05).log_scale(),
            (low * 0.8..high * 1.3).log_scale(),
        )?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc(plan.across)
        .y_desc(plan.metric.title())
        .x_label_formatter(&|x| thousands(x.round() as usize))
        .y_label_formatter(&|y| figure(*y))
        .draw()?;
    let colour = |number| Palette99::pick(number).stroke_width(2);
    for (number, (_, points)) in lines.iter().enumerate() {
        let line = LineSeries::new(points.iter().copied(), colour(number)).point_size(3);
        chart.draw_series(line)?;
    }
    // In the order in which the lines end: the names stand where the eye comes from.
    let mut names: Vec<_> = lines.iter().enumerate().collect();
    let end = |(_, points): &Line| points.last().map_or(0.0, |point| point.1);
    names.sort_by(|(_, one), (_, other)| end(other).total_cmp(&end(one)));
    for (y, (number, (name, _))) in (60..).step_by(22).zip(names) {
        legend.draw(&PathElement::new([(0, y), (18, y)], colour(number)))?;
        legend.draw(&Text::new(name.as_str(), (24, y - 7), ("sans-serif", 14)))?;
    }
    picture.present()?;
    Ok(())
}

//! The picture: its axes, and the curves over them.

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::curves::{self, Curve};
use super::legend;
use super::pen::{Area, Drawn, INK, Pen, Point, drawing};
use crate::measure::Measured;
use crate::quantity::{Share, count, of};
use crate::report::Report;

const PALE: RGBColor = RGBColor(226, 226, 226);

/// From what number of ports on the axis is logarithmic.
const WIDE: u16 = 40;
/// What the legend takes, at the right.
const LEGEND: i32 = 290;

/// Draws everything; `scale` is pixels to a unit.
pub(super) fn plot<DB: DrawingBackend>(area: &Area<DB>, scale: i32, report: &Report<'_>) -> Drawn
where
    DB::ErrorType: 'static,
{
    area.fill(&WHITE).map_err(drawing)?;
    let pen = Pen::new(area, scale);
    let axes = Axes::new(area, scale, report);
    pen.words((axes.left(), 24 * scale), 17, INK, HPos::Left, &title(report))?;
    grid(&pen, &axes)?;
    recommended(&pen, &axes, report)?;
    let target = axes.at((axes.ports.1, report.goal.refused));
    pen.dashes(&[(axes.left(), target.1), target], INK, (9, 5), 1)?;
    let curves = curves::curves(report);
    // What is recommended lies on top.
    for multiplexed in [false, true] {
        for curve in curves.iter().filter(|curve| curve.multiplexed == multiplexed) {
            draw(&pen, &axes, curve)?;
        }
    }
    let right = axes.right() + 14 * scale;
    pen.words(
        (right, target.1),
        13,
        INK,
        HPos::Left,
        &format!("target: {}", Share(report.goal.refused)),
    )?;
    legend::draw(&pen, (right, axes.top()), target.1, report)?;
    area.present().map_err(drawing)
}

fn title(report: &Report<'_>) -> String {
    let workload = report.workload;
    format!(
        "Requests refused, by number of passive ports: {}, {} requests a second",
        of(workload.clients().into(), "client"),
        crate::quantity::significant(workload.per_second()),
    )
}

/// Where things are.
pub(super) struct Axes {
    plane: Plane,
    ports: (f64, f64),
    lowest: f64,
}

/// Both axes hold logarithms where they are logarithmic.
struct Plane {
    coordinates: Cartesian2d<RangedCoordf64, RangedCoordf64>,
    logarithmic: bool,
}

impl Axes {
    fn new<DB: DrawingBackend>(area: &Area<DB>, scale: i32, report: &Report<'_>) -> Self {
        let (width, height) = area.dim_in_pixel();
        let last = curves::last(report);
        let logarithmic = last > WIDE;
        let last = f64::from(last);
        let ports: (f64, f64) = if logarithmic { (0.9, last * 1.08) } else { (0.5, last + 0.5) };
        // Two decades below the target there is nothing to decide.
        let lowest: f64 = 10_f64.powf(report.goal.refused.log10().floor() - 2.0);
        let across = if logarithmic { ports.0.ln()..ports.1.ln() } else { ports.0..ports.1 };
        let coordinates = Cartesian2d::new(
            across,
            lowest.ln()..0.0,
            (72 * scale..width as i32 - LEGEND * scale, height as i32 - 56 * scale..84 * scale),
        );
        Self { plane: Plane { coordinates, logarithmic }, ports, lowest }
    }

    fn at(&self, (ports, share): (f64, f64)) -> Point {
        let across = if self.plane.logarithmic { ports.ln() } else { ports };
        self.plane.coordinates.translate(&(across, f64::max(share, self.lowest).ln()))
    }

    pub(super) fn left(&self) -> i32 {
        self.at((self.ports.0, 1.0)).0
    }

    pub(super) fn right(&self) -> i32 {
        self.at((self.ports.1, 1.0)).0
    }

    pub(super) fn top(&self) -> i32 {
        self.at((1.0, 1.0)).1
    }

    fn bottom(&self) -> i32 {
        self.at((1.0, self.lowest)).1
    }

    /// Numbers of ports to write at the axis.
    fn ticks(&self) -> Vec<f64> {
        let last = self.ports.1;
        if self.plane.logarithmic {
            let decades = [1.0, 10.0, 100.0, 1000.0, 10_000.0];
            let ticks = decades.into_iter().flat_map(|one| [one, 2.0 * one, 5.0 * one]);
            return ticks.filter(|&tick| tick <= last).collect();
        }
        let step = if last < 21.0 { 1 } else { 2 };
        let first = if step == 1 { 1 } else { 2 };
        (first..=last as u16).step_by(step).map(f64::from).collect()
    }
}

fn grid<DB: DrawingBackend>(pen: &Pen<'_, DB>, axes: &Axes) -> Drawn {
    let scale = pen.scale;
    let (left, right, top, bottom) = (axes.left(), axes.right(), axes.top(), axes.bottom());
    let mut share: f64 = 1.0;
    while share >= axes.lowest * 0.99 {
        let y = axes.at((1.0, share)).1;
        pen.line(&[(left, y), (right, y)], PALE, 1)?;
        let digits = (-(share * 100.0).log10().round()).max(0.0) as usize;
        let percent = format!("{:.digits$} %", share * 100.0);
        pen.words((left - 8 * scale, y), 13, INK, HPos::Right, &percent)?;
        share /= 10.0;
    }
    for tick in axes.ticks() {
        let x = axes.at((tick, 1.0)).0;
        pen.line(&[(x, bottom), (x, bottom + 5 * scale)], INK, 1)?;
        pen.words((x, bottom + 16 * scale), 13, INK, HPos::Center, &count(tick as u64))?;
    }
    pen.line(&[(left, top), (left, bottom), (right, bottom)], INK, 1)?;
    let middle = (left + right) / 2;
    pen.words((middle, bottom + 40 * scale), 14, INK, HPos::Center, "passive ports")
}

/// The recommended widths, each with its number above the picture.
fn recommended<DB: DrawingBackend>(pen: &Pen<'_, DB>, axes: &Axes, report: &Report<'_>) -> Drawn {
    for (number, side) in report.sides().into_iter().enumerate() {
        let Some(enough) = &side.enough else { continue };
        let colour = curves::colour(side);
        let x = axes.at((enough.ports.into(), 1.0)).0;
        let y = axes.top() - (34 - 18 * number as i32) * pen.scale;
        pen.dashes(&[(x, y + 8 * pen.scale), (x, axes.bottom())], colour, (2, 4), 1)?;
        let without = if side.multiplexed { "recommended" } else { "without multiplexing" };
        let words = format!("{}: {}", without, of(enough.ports.into(), "port"));
        let room = axes.right() - x > 170 * pen.scale;
        let (side, x) =
            if room { (HPos::Left, x - 3 * pen.scale) } else { (HPos::Right, x + 3 * pen.scale) };
        pen.words((x, y), 13, colour, side, &words)?;
    }
    Ok(())
}

fn draw<DB: DrawingBackend>(pen: &Pen<'_, DB>, axes: &Axes, curve: &Curve) -> Drawn {
    let line: Vec<Point> =
        visible(&curve.line, axes.lowest).into_iter().map(|p| axes.at(p)).collect();
    if line.len() > 1 {
        if curve.waiting {
            pen.dashes(&line, curve.colour, (7, 4), 2)?;
        } else {
            pen.line(&line, curve.colour, 2)?;
        }
    }
    for &(ports, Measured { refused, .. }) in &curve.marks {
        if refused.high < axes.lowest {
            continue;
        }
        let (low, high) = (axes.at((ports, refused.low)), axes.at((ports, refused.high)));
        pen.line(&[low, high], curve.colour, 1)?;
        if refused.share == 0.0 {
            pen.at_most(high, curve.colour)?;
            continue;
        }
        let half = 4 * pen.scale;
        let ends = [(low, refused.low), (high, refused.high)];
        for ((x, y), _) in ends.into_iter().filter(|(_, share)| *share >= axes.lowest) {
            pen.line(&[(x - half, y), (x + half, y)], curve.colour, 1)?;
        }
        if refused.share >= axes.lowest {
            pen.mark(axes.at((ports, refused.share)), (curve.colour, curve.waiting))?;
        }
    }
    for &(ports, share) in curve.live.iter().filter(|(_, share)| *share >= axes.lowest) {
        pen.cross(axes.at((ports, share)))?;
    }
    Ok(())
}

/// The part of a falling line above the lowest share, up to where it leaves the picture.
fn visible(line: &[(f64, f64)], lowest: f64) -> Vec<(f64, f64)> {
    let seen = line.iter().take_while(|(_, share)| *share >= lowest).count();
    let mut visible = line[..seen].to_vec();
    if let (Some(&(x, y)), Some(&(next_x, next_y))) = (visible.last(), line.get(seen)) {
        let part = (y / lowest).ln() / (y / next_y.max(f64::MIN_POSITIVE)).ln();
        visible.push((x + (next_x - x) * part, lowest));
    }
    visible
}

//! A log's busiest hour minute by minute, and its busiest clients.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::curves::{WITH, WITHOUT};
use super::pen::{Area, Drawn, INK, Pen, drawing};
use crate::quantity::{count, load, of, written};
use crate::recording::{HOUR, Recording};
use crate::report::{Busiest, Report};
use crate::workload::Source;

const PALE: RGBColor = RGBColor(226, 226, 226);
/// How many bars the hour has.
const BARS: u64 = 60;
/// Where the hour lies, in units: left, right, top, bottom.
const HOUR_AT: (i32, i32, i32, i32) = (72, 560, 84, 464);
/// Where the clients' bars begin and end.
const CLIENTS_AT: (i32, i32) = (620, 980);

/// Draws both; `scale` is pixels to a unit.
pub(super) fn plot<DB: DrawingBackend>(area: &Area<DB>, scale: i32, report: &Report<'_>) -> Drawn
where
    DB::ErrorType: 'static,
{
    let (Source::Recorded(recording), Some(busiest)) = (&report.workload.source, &report.busiest)
    else {
        return Err("only a log has a busiest hour".into());
    };
    area.fill(&WHITE).map_err(drawing)?;
    let pen = Pen::new(area, scale);
    hour(&pen, recording, busiest)?;
    clients(&pen, busiest)?;
    area.present().map_err(drawing)
}

fn hour<DB: DrawingBackend>(pen: &Pen<'_, DB>, recording: &Recording, busiest: &Busiest) -> Drawn {
    let scale = pen.scale;
    let length = recording.span().min(HOUR);
    let requests = &recording.requests[recording.densest(length)];
    let start = requests.first().map_or(0, |first| first.at);
    let shown = busiest.decides().or(busiest.clients.first());
    let mut bars = [(0_u32, 0_u32); BARS as usize];
    for stamp in requests {
        let bar = ((stamp.at - start) * BARS / length.max(1)).min(BARS - 1) as usize;
        bars[bar].0 += 1;
        bars[bar].1 += u32::from(shown.is_some_and(|busy| busy.number == stamp.client));
    }
    let most = bars.iter().map(|bar| bar.0).max().unwrap_or(0).max(1);
    let (left, right, top, bottom) = HOUR_AT;
    let x = |bar: u64| (left + (right - left) * bar as i32 / BARS as i32) * scale;
    let y =
        |requests: u32| bottom * scale - ((bottom - top) * scale) * requests as i32 / most as i32;
    let each = std::time::Duration::from_nanos(length / BARS);
    let title = format!(
        "The busiest {}: {}",
        written(std::time::Duration::from_nanos(length)),
        of(requests.len() as u64, "request")
    );
    pen.words((left * scale, 24 * scale), 17, INK, HPos::Left, &title)?;
    pen.words(
        (left * scale, 48 * scale),
        13,
        INK,
        HPos::Left,
        &format!("in each {}", written(each)),
    )?;
    if let Some(busy) = shown {
        let words = format!("of {}", busy.name);
        pen.words((right * scale, 48 * scale), 13, WITHOUT, HPos::Right, &words)?;
    }
    for tick in ticks(most) {
        let y = y(tick);
        pen.line(&[(left * scale, y), (right * scale, y)], PALE, 1)?;
        pen.words(((left - 8) * scale, y), 13, INK, HPos::Right, &count(tick.into()))?;
    }
    for (bar, &(all, own)) in (0..).zip(&bars) {
        let (from, to) = (x(bar) + scale, x(bar + 1) - scale);
        pen.block((from, y(all)), (to, y(own)), WITH)?;
        pen.block((from, y(own)), (to, bottom * scale), WITHOUT)?;
    }
    pen.line(&[(left * scale, bottom * scale), (right * scale, bottom * scale)], INK, 1)?;
    let begins = std::time::Duration::from_nanos(start);
    let words = format!("from {} after the log's first request", written(begins));
    pen.words((left * scale, (bottom + 22) * scale), 13, INK, HPos::Left, &words)
}

fn clients<DB: DrawingBackend>(pen: &Pen<'_, DB>, busiest: &Busiest) -> Drawn {
    let scale = pen.scale;
    let (left, right) = CLIENTS_AT;
    let at = |x: i32, y: i32| (x * scale, y * scale);
    pen.words(at(left, 24), 17, INK, HPos::Left, "The busiest clients")?;
    pen.words(at(left, 48), 13, INK, HPos::Left, "offered load of each in its busiest hour")?;
    let most = busiest.clients.iter().map(|busy| busy.load).fold(f64::MIN_POSITIVE, f64::max);
    let decides = busiest.decides().or(busiest.clients.first()).map(|busy| busy.number);
    for (row, busy) in (0..).zip(&busiest.clients) {
        let y = 84 + row * 42;
        let colour = if Some(busy.number) == decides { WITHOUT } else { WITH };
        let name: String = busy.name.chars().take(39).collect();
        pen.words(at(left, y), 13, INK, HPos::Left, &name)?;
        let figures = format!("{}, {}", load(busy.load), of(busy.requests, "request"));
        pen.words(at(right, y), 13, INK, HPos::Right, &figures)?;
        let end = left + (f64::from(right - left) * busy.load / most) as i32;
        pen.block(at(left, y + 10), at(end.max(left + 1), y + 22), colour)?;
    }
    Ok(())
}

/// Up to five heights to write at the axis.
fn ticks(most: u32) -> Vec<u32> {
    let mut step = 1;
    // 1, 2, 10, 20, 100, ...
    while most / step > 5 {
        step *= if step.to_string().starts_with('1') { 2 } else { 5 };
    }
    (0..=most).step_by(step as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_some_heights_but_not_many() {
        for most in [1, 3, 9, 12, 60, 144, 9999] {
            let ticks = ticks(most);
            assert!((1..=6).contains(&ticks.len()) && ticks[0] == 0, "{most}: {ticks:?}");
        }
    }
}

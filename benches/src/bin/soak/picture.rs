//! The picture: a plot for each quantity, a line for each server.

use crate::record::Record;
use crate::sample::Sample;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};
use std::error::Error;
use std::path::Path;

const SIZE: (u32, u32) = (900, 1000);

/// What is drawn of a sample, if it is there.
type Of = fn(&Sample) -> Option<f64>;

/// What is drawn, each with its lines.
const PLOTS: [(&str, &[(&str, Of)]); 5] = [
    ("descriptors", &[("", |s| Some(s.descriptors as f64))]),
    ("resident memory, MiB", &[("", |s| Some(s.memory as f64 / 1024.0))]),
    ("threads", &[("", |s| Some(s.threads as f64))]),
    ("pending reservations, as muxftpd tells them", &[("", |s| s.pending.map(|n| n as f64))]),
    ("small download, ms", &[(" p50", |s| Some(s.p50)), (" p99", |s| Some(s.p99))]),
];

pub(crate) fn draw(file: &Path, records: &[&Record]) -> Result<(), Box<dyn Error>> {
    // The letters are the viewer's; this font is there to measure them.
    register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular())
        .map_err(|_| "the built-in font cannot be read")?;
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    for (part, (title, lines)) in area.split_evenly((PLOTS.len(), 1)).iter().zip(PLOTS) {
        plot(part, title, lines, records)?;
    }
    area.present()?;
    Ok(())
}

fn plot(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    title: &str,
    lines: &[(&str, Of)],
    records: &[&Record],
) -> Result<(), Box<dyn Error>> {
    let samples: Vec<Vec<Sample>> = records.iter().map(|record| record.samples()).collect();
    let all = || samples.iter().flatten();
    let minutes = |sample: &Sample| sample.seconds / 60.0;
    let right = all().map(minutes).fold(0.0, f64::max);
    let top = all().flat_map(|s| lines.iter().filter_map(move |(_, of)| of(s))).fold(1.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 17))
        .margin(8)
        .margin_right(24)
        .x_label_area_size(28)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..right, 0.0..top * 1.15)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_labels(9)
        .y_labels(5)
        .x_label_formatter(&|x| format!("{x:.0} min"))
        .y_label_formatter(&|y| format!("{y:.0}"))
        .draw()?;
    let mut number = 0;
    for (record, samples) in records.iter().zip(&samples) {
        for (name, of) in lines {
            let colour = Palette99::pick(number).stroke_width(2);
            number += 1;
            let points = || samples.iter().filter_map(|s| Some((minutes(s), of(s)?)));
            if points().next().is_none() {
                continue;
            }
            chart
                .draw_series(LineSeries::new(points(), colour))?
                .label(format!("{}{name}", record.program))
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour));
        }
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.2))
        .draw()?;
    Ok(())
}

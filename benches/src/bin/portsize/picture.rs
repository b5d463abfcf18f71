//! The answer as a picture: the share refused over the number of ports; or the busiest hour.

mod busiest;
mod curves;
mod legend;
mod pen;
mod plot;

use std::ffi::OsStr;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};

use crate::report::Report;

/// Where a picture goes, and in what format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    path: PathBuf,
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Svg,
    Png,
}

/// What a picture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// What is refused on how many ports.
    Curves,
    /// A log's busiest hour, and its busiest clients.
    Busiest,
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PictureError {
    #[error("cannot write the picture {path}: {error}", path = path.display())]
    Write { path: PathBuf, error: std::io::Error },
    #[error("cannot draw the picture: {0}")]
    Draw(String),
}

impl FromStr for Picture {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = PathBuf::from(text);
        let extension = path.extension().map(OsStr::to_ascii_lowercase);
        let format = match extension.as_ref().and_then(|extension| extension.to_str()) {
            Some("svg") => Format::Svg,
            Some("png") => Format::Png,
            _ => return Err("a picture is an SVG or a PNG: end its name with .svg or .png".into()),
        };
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        match directory {
            Some(directory) if !directory.is_dir() => {
                Err(format!("there is no directory {}: create it first", directory.display()))
            }
            _ => Ok(Self { path, format }),
        }
    }
}

/// Width and height, in units of an SVG.
const SIZE: (u32, u32) = (1000, 520);
/// Pixels of a PNG for each unit: screens are dense.
const DENSITY: u32 = 2;

impl Picture {
    pub(crate) fn draw(&self, subject: Subject, report: &Report<'_>) -> Result<(), PictureError> {
        // A PNG's letters are of this font; in an SVG, where they are the viewer's, it is there
        // to measure them.
        register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular())
            .map_err(|_| PictureError::Draw("the built-in font cannot be read".into()))?;
        match self.format {
            Format::Svg => {
                let mut text = String::new();
                {
                    let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
                    show(subject, &area, 1, report).map_err(drawing)?;
                }
                std::fs::write(&self.path, text).map_err(|error| self.writing(error))
            }
            Format::Png => {
                let size = (SIZE.0 * DENSITY, SIZE.1 * DENSITY);
                let mut pixels = vec![0; (size.0 * size.1 * 3) as usize];
                {
                    let area = BitMapBackend::with_buffer(&mut pixels, size).into_drawing_area();
                    show(subject, &area, DENSITY as i32, report).map_err(drawing)?;
                }
                write_png(&self.path, size, &pixels).map_err(|error| self.writing(error.into()))
            }
        }
    }

    fn writing(&self, error: std::io::Error) -> PictureError {
        PictureError::Write { path: self.path.clone(), error }
    }
}

fn show<DB: DrawingBackend>(
    subject: Subject,
    area: &pen::Area<DB>,
    scale: i32,
    report: &Report<'_>,
) -> pen::Drawn
where
    DB::ErrorType: 'static,
{
    match subject {
        Subject::Curves => plot::plot(area, scale, report),
        Subject::Busiest => busiest::plot(area, scale, report),
    }
}

fn drawing(error: impl std::fmt::Display) -> PictureError {
    PictureError::Draw(error.to_string())
}

fn write_png(
    path: &Path,
    (width, height): (u32, u32),
    pixels: &[u8],
) -> Result<(), png::EncodingError> {
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_the_format() {
        let format = |text: &str| text.parse::<Picture>().map(|picture| picture.format);
        assert_eq!(format("a.svg"), Ok(Format::Svg));
        assert_eq!(format("./a.PNG"), Ok(Format::Png));
        for text in ["a", "a.jpg", "a.svg.gz", "svg", ""] {
            assert!(format(text).unwrap_err().contains(".svg or .png"), "{text}");
        }
        assert!(format("/no/such/place/a.svg").unwrap_err().contains("/no/such/place"));
    }
}

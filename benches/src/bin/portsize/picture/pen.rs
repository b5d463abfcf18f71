//! Drawing, in pixels of any backend.

use std::error::Error;

use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

pub(super) type Area<DB> = DrawingArea<DB, Shift>;
pub(super) type Drawn = Result<(), Box<dyn Error>>;
pub(super) type Point = (i32, i32);

pub(super) const INK: RGBColor = RGBColor(40, 40, 40);

/// Draws in units, not in pixels.
pub(super) struct Pen<'a, DB: DrawingBackend> {
    area: &'a Area<DB>,
    pub(super) scale: i32,
}

pub(super) fn drawing(error: impl std::fmt::Display) -> Box<dyn Error> {
    error.to_string().into()
}

impl<'a, DB: DrawingBackend> Pen<'a, DB> {
    /// One that draws on `area`; `scale` is pixels to a unit.
    pub(super) fn new(area: &'a Area<DB>, scale: i32) -> Self {
        Self { area, scale }
    }

    /// Words of a size in units, beside or around a point.
    pub(super) fn words(
        &self,
        at: Point,
        size: i32,
        colour: RGBColor,
        side: HPos,
        words: &str,
    ) -> Drawn {
        let font = ("sans-serif", size * self.scale).into_font();
        let style = TextStyle::from(font).color(&colour).pos(Pos::new(side, VPos::Center));
        self.area.draw(&Text::new(words.to_owned(), at, style)).map_err(drawing)
    }

    pub(super) fn line(&self, points: &[Point], colour: RGBColor, width: i32) -> Drawn {
        let style = colour.stroke_width((width * self.scale) as u32);
        self.area.draw(&PathElement::new(points.to_vec(), style)).map_err(drawing)
    }

    /// A dashed line; dashes and gaps are in units.
    pub(super) fn dashes(
        &self,
        points: &[Point],
        colour: RGBColor,
        (dash, gap): (i32, i32),
        width: i32,
    ) -> Drawn {
        let style = colour.stroke_width((width * self.scale) as u32);
        let line =
            DashedPathElement::new(points.to_vec(), dash * self.scale, gap * self.scale, style);
        self.area.draw(&line).map_err(drawing)
    }

    /// A filled rectangle.
    pub(super) fn block(&self, from: Point, to: Point, colour: RGBColor) -> Drawn {
        self.area.draw(&Rectangle::new([from, to], colour.filled())).map_err(drawing)
    }

    /// A disc for requests that are refused at once, an open square for those that wait.
    pub(super) fn mark(&self, (x, y): Point, curve: (RGBColor, bool)) -> Drawn {
        let (colour, waiting) = curve;
        let half = 4 * self.scale;
        if waiting {
            let corners = [(x - half, y - half), (x + half, y + half)];
            self.area.draw(&Rectangle::new(corners, WHITE.filled())).map_err(drawing)?;
            let (l, r, t, b) = (x - half, x + half, y - half, y + half);
            self.line(&[(l, t), (r, t), (r, b), (l, b), (l, t)], colour, 2)
        } else {
            self.area.draw(&Circle::new((x, y), half, colour.filled())).map_err(drawing)
        }
    }

    /// An arrow downwards: no more than this.
    pub(super) fn at_most(&self, (x, y): Point, colour: RGBColor) -> Drawn {
        let half = 5 * self.scale;
        let corners = vec![(x - half, y), (x + half, y), (x, y + half + half / 2)];
        self.area.draw(&Polygon::new(corners, colour.filled())).map_err(drawing)
    }

    pub(super) fn cross(&self, (x, y): Point) -> Drawn {
        let half = 5 * self.scale;
        self.line(&[(x - half, y - half), (x + half, y + half)], INK, 2)?;
        self.line(&[(x - half, y + half), (x + half, y - half)], INK, 2)
    }
}

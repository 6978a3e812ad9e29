//! A plot as inline SVG, by plotters. Everything is placed in a frame of twice the size it is mostly seen at, because
//! plotters places by whole units.

use plotters::chart::ChartContext;
use plotters::coord::{cartesian::Cartesian2d, Shift};
use plotters::element::{Circle, Cross, PathElement, Polygon, Text, TriangleMarker};
use plotters::prelude::{
    ChartBuilder, Color, DashedLineSeries, DrawingArea, IntoDrawingArea, LineSeries, RGBColor, SVGBackend,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, IntoFont, IntoTextStyle, ShapeStyle, TextStyle};

use super::ink::{Colour, Ink, Mark};
use super::labels::{apart, shortened, width};
use super::{Axis, Guide, Plot, Series};
use crate::report::escape;

const SIZE: (u32, u32) = (1_280, 760);
const TEXT: f64 = 28.0;
const SMALL: f64 = 26.0;
/// Room for a name at the end of its line, in units of its size.
const LONGEST_NAME: f64 = 12.0;
const DARK: Colour = (38, 44, 54);
const PALE: Colour = (96, 104, 117);
const GRID: Colour = (228, 231, 236);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

/// The plot as an `<svg>` element that scales to the width of its place, or why it could not be drawn.
pub(crate) fn svg(plot: &Plot) -> Result<String, String> {
    let mut drawing = String::new();
    draw(plot, &mut drawing).map_err(|error| error.to_string())?;
    let start = drawing.find('>').map_or(0, |end| end + 1);
    let (wide, high) = SIZE;
    Ok(format!(
        "<svg viewBox=\"0 0 {wide} {high}\" role=\"img\" aria-label=\"{}\" xmlns=\"http://www.w3.org/2000/svg\">{}",
        escape::text(&format!("{}: {}", plot.title, plot.caption)),
        // One line: plotters breaks lines after each element, which doubles nothing but whitespace.
        drawing[start..].replace('\n', "")
    ))
}

fn draw(plot: &Plot, into: &mut String) -> Drawn {
    let root = SVGBackend::with_string(into, SIZE).into_drawing_area();
    // Bold letters are wider.
    let room = |series: &Series| width(&series.name) * if series.ink.width > 4 { 1.15 } else { 1.0 };
    let names = plot.series.iter().map(room).fold(0.0, f64::max);
    let right = (names.min(LONGEST_NAME) * TEXT + 44.0) as u32;
    let left = (plot.y.ticks.iter().map(|(_, name)| width(name)).fold(0.0, f64::max) * SMALL + 28.0) as u32;
    let mut chart = ChartBuilder::on(&root)
        .margin_top(62)
        .margin_right(right)
        .margin_left(8)
        .x_label_area_size(92)
        .y_label_area_size(left)
        .build_cartesian_2d(plot.x.clone(), plot.y.clone())?;
    mesh(&mut chart, plot)?;
    titles(&root, &chart, plot)?;
    for guide in &plot.guides {
        guideline(&root, &mut chart, plot, guide)?;
    }
    // The widest first: what coincides with it is seen on it.
    let mut order: Vec<&Series> = plot.series.iter().collect();
    order.sort_by_key(|series| std::cmp::Reverse(series.ink.width));
    for series in order {
        line(&mut chart, series)?;
    }
    names_at_ends(&root, &chart, plot)?;
    root.present()?;
    Ok(())
}

fn rgb((red, green, blue): Colour) -> RGBColor {
    RGBColor(red, green, blue)
}

/// plotters divides a font's size by 1.24 on its way into SVG.
fn font(size: f64, colour: Colour, at: Pos) -> TextStyle<'static> {
    TextStyle { font: ("sans-serif", size * 1.24).into_font(), color: rgb(colour).to_backend_color(), pos: at }
}

fn bold(size: f64, colour: Colour, at: Pos) -> TextStyle<'static> {
    TextStyle { font: ("sans-serif", size * 1.24, FontStyle::Bold).into_font(), ..font(size, colour, at) }
}

fn mesh(chart: &mut Chart<'_, '_>, plot: &Plot) -> Drawn {
    let (x, y) = (plot.x.clone(), plot.y.clone());
    chart
        .configure_mesh()
        .bold_line_style(ShapeStyle::from(&rgb(GRID)).stroke_width(2))
        .light_line_style(rgb(GRID).mix(0.0))
        .axis_style(ShapeStyle::from(&rgb((170, 176, 186))).stroke_width(2))
        .x_label_formatter(&|value| x.name(*value))
        .y_label_formatter(&|value| y.name(*value))
        .label_style(("sans-serif", SMALL * 1.24).into_text_style(&SIZE).color(&rgb(PALE)))
        .draw()?;
    Ok(())
}

/// The vertical axis is named above its top, so that nobody turns their head.
fn titles(root: &Area<'_>, chart: &Chart<'_, '_>, plot: &Plot) -> Drawn {
    let (across, down) = chart.plotting_area().get_pixel_range();
    let above = font(TEXT, DARK, Pos::new(HPos::Left, VPos::Bottom));
    root.draw(&Text::new(plot.y.title.clone(), (10, down.start - 16), above))?;
    let below = font(TEXT, DARK, Pos::new(HPos::Center, VPos::Bottom));
    let middle = (across.start + across.end) / 2;
    root.draw(&Text::new(plot.x.title.clone(), (middle, SIZE.1 as i32 - 8), below))?;
    Ok(())
}

fn line(chart: &mut Chart<'_, '_>, series: &Series) -> Drawn {
    let style = ShapeStyle::from(&rgb(series.ink.colour)).stroke_width(series.ink.width);
    let points = series.points.iter().copied();
    if series.ink.dashed {
        chart.draw_series(DashedLineSeries::new(points, 16, 10, style))?;
    } else {
        chart.draw_series(LineSeries::new(points, style))?;
    }
    if series.marks || series.points.len() == 1 {
        marks(chart, series)?;
    }
    Ok(())
}

fn marks(chart: &mut Chart<'_, '_>, series: &Series) -> Drawn {
    let Ink { colour, mark, width, .. } = series.ink;
    let (size, colour) = (6 + width as i32 / 2, rgb(colour));
    let stroke = ShapeStyle::from(&colour).stroke_width(4);
    let points = series.points.iter().copied();
    match mark {
        Mark::Disc => chart.draw_series(points.map(|at| Circle::new(at, size, colour.filled()))).map(drop)?,
        Mark::Ring => {
            chart.draw_series(points.clone().map(|at| Circle::new(at, size, rgb((255, 255, 255)).filled())))?;
            chart.draw_series(points.map(|at| Circle::new(at, size, stroke))).map(drop)?;
        }
        Mark::Triangle => {
            chart.draw_series(points.map(|at| TriangleMarker::new(at, size + 3, colour.filled()))).map(drop)?;
        }
        Mark::Cross => chart.draw_series(points.map(|at| Cross::new(at, size, stroke))).map(drop)?,
        Mark::Square => {
            let corners = [(-size, -size), (size, -size), (size, size), (-size, size)];
            let square = |at| plotters::element::EmptyElement::at(at) + Polygon::new(corners.to_vec(), colour.filled());
            chart.draw_series(points.map(square)).map(drop)?;
        }
    }
    Ok(())
}

fn guideline(root: &Area<'_>, chart: &mut Chart<'_, '_>, plot: &Plot, guide: &Guide) -> Drawn {
    let (from, to, label) = match guide {
        Guide::Across { y, label } => ((plot.x.low, *y), (plot.x.high, *y), label),
        Guide::Up { x, label } => ((*x, plot.y.low), (*x, plot.y.high), label),
    };
    let style = ShapeStyle::from(&rgb(PALE)).stroke_width(3);
    chart.draw_series(DashedLineSeries::new([from, to], 6, 10, style))?;
    let (start, end) = (chart.backend_coord(&from), chart.backend_coord(&to));
    // Where data is rare: above a line across, at the foot of one that goes up, on the side with more room.
    let crossed = plot.guides.iter().any(|guide| matches!(guide, Guide::Up { .. }));
    let (place, anchor) = match guide {
        Guide::Across { .. } if !crossed => ((end.0 - 8, end.1 - 6), HPos::Right),
        Guide::Across { .. } => ((start.0 + 14, start.1 - 6), HPos::Left),
        Guide::Up { x, .. } if plot.x.place(*x) > 0.5 => ((end.0 - 10, start.1 - 50), HPos::Right),
        Guide::Up { .. } => ((end.0 + 10, start.1 - 50), HPos::Left),
    };
    root.draw(&Text::new(label.clone(), place, font(SMALL, PALE, Pos::new(anchor, VPos::Bottom))))?;
    Ok(())
}

/// Names in the colour of their line; a thin one leads there where the line ends early or the name had to move.
fn names_at_ends(root: &Area<'_>, chart: &Chart<'_, '_>, plot: &Plot) -> Drawn {
    let (across, down) = chart.plotting_area().get_pixel_range();
    let ends: Vec<_> =
        plot.series.iter().filter_map(|series| Some(chart.backend_coord(series.points.last()?))).collect();
    // Of lines that end at one height, the one that ends farthest right is named first.
    let wanted: Vec<f64> = ends.iter().map(|end| f64::from(end.1) - 1e-4 * f64::from(end.0)).collect();
    let heights = apart(&wanted, TEXT * 1.2, (f64::from(down.start), f64::from(down.end)));
    for ((series, end), height) in plot.series.iter().zip(&ends).zip(&heights) {
        let at = (across.end + 26, height.round() as i32);
        if at.0 - end.0 > 60 || (at.1 - end.1).abs() > 14 {
            let lead = ShapeStyle::from(&rgb(series.ink.colour).mix(0.45)).stroke_width(2);
            root.draw(&PathElement::new(vec![(end.0 + 10, end.1), (at.0 - 4, at.1)], lead))?;
        }
        let anchor = Pos::new(HPos::Left, VPos::Center);
        let style = if series.ink.width > 4 { bold } else { font };
        root.draw(&Text::new(shortened(&series.name, LONGEST_NAME), at, style(TEXT, series.ink.colour, anchor)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Mode;

    fn plot(name: &str) -> Plot {
        let series = vec![
            Series::new(name, Ink::of(Mode::Splashdam), vec![(0.0, 1.0), (10.0, 2.0)]),
            Series::new("none", Ink::of(Mode::None), vec![(0.0, 1.0), (10.0, 1.1)]),
            Series::new("alone", Ink::of(Mode::Stdout), vec![(5.0, 30.0)]).unmarked(),
        ];
        let guides = vec![Guide::Across { y: 11.0, label: "<11>".into() }, Guide::Up { x: 3.0, label: "here".into() }];
        let (x, y) = (|v: &[f64]| Axis::linear("ms", v), |v: &[f64]| Axis::log("s", v));
        Plot::of(("a \"title\"".into(), "cap".into()), (&x, &y), series, guides).unwrap()
    }

    #[test]
    fn every_series_and_guide_is_drawn_and_named() {
        let drawn = svg(&plot("splashdam")).unwrap();
        for text in ["splashdam", "none", "alone", "&lt;11&gt;", "here", "s, log", "ms"] {
            assert!(drawn.contains(text), "{text} in {drawn}");
        }
        assert!(drawn.matches("<polyline").count() > 5 && drawn.matches("<circle").count() >= 4);
        assert!(drawn.contains("role=\"img\" aria-label=\"a &quot;title&quot;: cap\"") && drawn.ends_with("</svg>"));
    }

    #[test]
    fn names_cannot_leave_the_drawing() {
        assert!(!svg(&plot("<script>x</script>")).unwrap().contains("<script"));
    }

    #[test]
    fn nothing_to_draw_is_no_plot() {
        let axis = |values: &[f64]| Axis::linear("", values);
        let empty = Series::new("", Ink::document(), vec![(f64::NAN, 1.0)]);
        assert!(Plot::of((String::new(), String::new()), (&axis, &axis), vec![empty], Vec::new()).is_none());
    }
}

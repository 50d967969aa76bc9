import * as common from '@grafana/grafana-foundation-sdk/common'
import {
  FieldTextAlignment,
  GraphDrawStyle,
  LegendDisplayMode,
  LegendPlacement,
  StackingMode,
  TableCellBackgroundDisplayMode,
  TableCellDisplayMode,
  TableCellHeight,
  VisibilityMode,
} from '@grafana/grafana-foundation-sdk/common'
import {
  type DynamicConfigValue,
  FieldColorBuilder,
  FieldColorModeId,
  MappingType,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard'
import * as stat from '@grafana/grafana-foundation-sdk/stat'
import * as table from '@grafana/grafana-foundation-sdk/table'
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries'
import { datasource, query } from './clickhouse.js'

/** What every panel says about itself. */
export type Words = { readonly title: string; readonly description: string }
/** Grid cells; the dashboard is 24 wide. */
export type Size = { readonly width: number; readonly height: number }

/** A word or number that is shown as a coloured text, most severe first. */
export type Shown = { readonly value: string; readonly text: string; readonly color: string }

export const severities: readonly Shown[] = [
  { value: '6', text: 'Fatal', color: 'dark-red' },
  { value: '5', text: 'Critical', color: 'dark-red' },
  { value: '4', text: 'High', color: 'red' },
  { value: '3', text: 'Medium', color: 'orange' },
  { value: '2', text: 'Low', color: 'yellow' },
  { value: '1', text: 'Informational', color: 'blue' },
  { value: '0', text: 'Unknown', color: 'text' },
]

export const kinds: readonly Shown[] = [
  { value: 'vm', text: 'VM', color: 'blue' },
  { value: 'container', text: 'Container', color: 'green' },
  { value: 'function', text: 'Function', color: 'purple' },
]

/** A table whose rows a person reads from the top. */
export function tableOf({ title, description }: Words, { width, height }: Size, sql: string): table.PanelBuilder {
  return new table.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(datasource)
    .withTarget(query('table', sql))
    .span(width)
    .height(height)
    .cellHeight(TableCellHeight.Sm)
    .align(FieldTextAlignment.Left)
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
    .thresholds(steps([{ value: null, color: 'text' }]))
    .showHeader(true)
    .filterable(true)
}

/** Big numbers, one a column of the only row of the query. */
export function statOf({ title, description }: Words, { width, height }: Size, sql: string): stat.PanelBuilder {
  return new stat.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(datasource)
    .withTarget(query('table', sql))
    .span(width)
    .height(height)
    .unit('short')
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']).fields('').values(false))
    .graphMode(common.BigValueGraphMode.None)
    .textMode(common.BigValueTextMode.ValueAndName)
    .colorMode(common.BigValueColorMode.Value)
    .justifyMode(common.BigValueJustifyMode.Center)
    .orientation(common.VizOrientation.Vertical)
}

/** One series for each value of `label`; the query gives time, label and value. Buckets are a minute or longer. */
export function seriesOf(
  { title, description }: Words,
  { width, height }: Size,
  label: string,
  sql: string,
): timeseries.PanelBuilder {
  return new timeseries.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(datasource)
    .withTarget(query('time_series', sql))
    .span(width)
    .height(height)
    .interval('1m')
    .min(0)
    .displayName(`\${__field.labels.${label}}`)
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.PaletteClassicByName))
    .tooltip(
      new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending),
    )
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs([]),
    )
}

/** Counts: bars on top of each other, so that the whole and its parts can be seen. */
export function stacked(panel: timeseries.PanelBuilder): timeseries.PanelBuilder {
  return panel
    .drawStyle(GraphDrawStyle.Bars)
    .fillOpacity(80)
    .lineWidth(0)
    .stacking(new common.StackingConfigBuilder().mode(StackingMode.Normal).group('A'))
}

/** Measurements: lines that stop where nothing was measured for longer than five minutes. */
export function lines(panel: timeseries.PanelBuilder): timeseries.PanelBuilder {
  return panel
    .drawStyle(GraphDrawStyle.Line)
    .lineWidth(1)
    .fillOpacity(8)
    .showPoints(VisibilityMode.Never)
    .spanNulls(300_000)
}

/** Colours from a value on. */
export function steps(list: Threshold[]): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(list)
}

/** Values shown as texts in their colours. */
function mapping(shown: readonly Shown[]): ValueMapping {
  return {
    type: MappingType.ValueToText,
    options: Object.fromEntries(shown.map(({ value, text, color }, index) => [value, { text, color, index }])),
  }
}

/** A column of one width, in pixels. */
export function width(pixels: number): DynamicConfigValue {
  return { id: 'custom.width', value: pixels }
}

/** A column in a unit of Grafana, e.g. `dateTimeFromNow`. */
export function unit(name: string): DynamicConfigValue {
  return { id: 'unit', value: name }
}

/** A column that is there for links only. */
export const hidden: DynamicConfigValue = { id: 'custom.hidden', value: true }

/** A column of long texts. */
export const wrapped: DynamicConfigValue = {
  id: 'custom.cellOptions',
  value: { type: TableCellDisplayMode.Auto, wrapText: true },
}

/** A column of words in colours: as a background for what must be seen first, as text otherwise. */
export function coloured(shown: readonly Shown[], where: 'background' | 'text'): DynamicConfigValue[] {
  const cell =
    where === 'text'
      ? { type: TableCellDisplayMode.ColorText }
      : { type: TableCellDisplayMode.ColorBackground, mode: TableCellBackgroundDisplayMode.Basic }
  return [
    { id: 'mappings', value: [mapping(shown)] },
    { id: 'custom.cellOptions', value: cell },
  ]
}

/** A colour for a series or a number. */
export function fixed(color: string): DynamicConfigValue {
  return { id: 'color', value: { mode: FieldColorModeId.Fixed, fixedColor: color } }
}

/** The workload column: a click narrows the whole dashboard to it. Needs a column "Workload id". */
export const workload_link: DynamicConfigValue = {
  id: 'links',
  value: [
    {
      title: 'Only this workload',
      url: '/d/weir-overview?${__url_time_range}&var-datasource=${datasource}&var-workload=${__data.fields["Workload id"]:percentencode}',
    },
  ],
}

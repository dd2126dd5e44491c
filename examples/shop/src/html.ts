/** What a template may contain. Text is escaped; `undefined` and `false` render nothing. */
export type Content = Html | string | number | undefined | false | readonly Content[]

/** Markup, as opposed to text that still needs escaping. */
export class Html {
  readonly markup: string

  constructor(markup: string) {
    this.markup = markup
  }
}

/** A template whose values are escaped, for element content and quoted attributes alike. */
export function html(parts: TemplateStringsArray, ...values: Content[]): Html {
  return new Html(parts.reduce((markup, part, index) => markup + rendered(values[index - 1]) + part))
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function rendered(value: Content): string {
  if (value === undefined || value === false) return ''
  if (value instanceof Html) return value.markup
  if (typeof value === 'object') return value.map(rendered).join('')
  return String(value).replace(/[&<>"']/g, character => entities[character] ?? '')
}

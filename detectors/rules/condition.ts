/** A condition over the named parts of a detection. */
export type Condition =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'not'; readonly of: Condition }
  | { readonly kind: 'and' | 'or'; readonly of: readonly Condition[] }
  /** At least `n` of these; `all` of them if n is their number. */
  | { readonly kind: 'at_least'; readonly n: number; readonly of: readonly Condition[] }

/** What is wrong with a condition; the message says what was found and what was expected. */
export class ConditionError extends Error {}

const max_depth = 64

/** Parses a Sigma condition: names, and, or, not, parentheses, `1 of x*`, `all of x*`, `all of them`. */
export function parseCondition(text: string, names: readonly string[]): Condition {
  const tokens = tokensOf(text)
  let at = 0
  const result = either(0)
  if (at < tokens.length) throw new ConditionError(`found "${tokens[at]}", expected "and", "or" or the end`)
  return result

  function isWord(word: string): boolean {
    return tokens[at]?.toLowerCase() === word
  }

  function either(depth: number): Condition {
    if (depth > max_depth) throw new ConditionError(`parentheses nested deeper than ${max_depth}`)
    return chain('or', () => chain('and', () => negation(depth)))
  }

  function chain(word: 'and' | 'or', part: () => Condition): Condition {
    const of = [part()]
    while (isWord(word)) {
      at++
      of.push(part())
    }
    const [first] = of
    return of.length === 1 && first ? first : { kind: word, of }
  }

  function negation(depth: number): Condition {
    if (!isWord('not')) return primary(depth)
    at++
    if (depth > max_depth) throw new ConditionError(`"not" repeated more than ${max_depth} times`)
    return { kind: 'not', of: negation(depth + 1) }
  }

  function primary(depth: number): Condition {
    const token = tokens[at]
    if (token === undefined) throw new ConditionError('found the end, expected a name, "not", "(" or "1 of"')
    if (token === '(') {
      at++
      const inner = either(depth + 1)
      if (tokens[at] !== ')') throw new ConditionError(`found ${shown(tokens[at])}, expected ")"`)
      at++
      return inner
    }
    if (tokens[at + 1]?.toLowerCase() === 'of') return quantified(token.toLowerCase())
    if (token === ')' || /^(and|or|of|them)$/i.test(token)) {
      throw new ConditionError(`found "${token}", expected a name, "not", "(" or "1 of"`)
    }
    at++
    if (!names.includes(token)) {
      throw new ConditionError(`"${token}" is not defined, expected one of ${names.join(', ')}`)
    }
    return { kind: 'name', name: token }
  }

  function quantified(amount: string): Condition {
    const pattern = tokens[at + 2]
    at += 3
    if (pattern === undefined) throw new ConditionError(`"${amount} of" ends the condition, expected a name or "them"`)
    // Names that start with an underscore are helpers and not meant by "them".
    const isMeant =
      pattern.toLowerCase() === 'them'
        ? (name: string) => !name.startsWith('_')
        : (name: string) => new RegExp(`^${pattern.replace(/[^\w*]/g, '\\$&').replace(/\*+/g, '.*')}$`).test(name)
    const of = names.filter(isMeant).map((name): Condition => ({ kind: 'name', name }))
    if (of.length === 0) throw new ConditionError(`"${pattern}" names nothing, expected one of ${names.join(', ')}`)
    const n = amount === 'all' ? of.length : amount === 'any' ? 1 : Number(amount)
    if (!Number.isInteger(n) || n < 1 || n > of.length) {
      throw new ConditionError(`"${amount} of ${pattern}": expected all, any or a number from 1 to ${of.length}`)
    }
    return { kind: 'at_least', n, of }
  }
}

function tokensOf(text: string): string[] {
  const tokens: string[] = []
  for (const [token] of text.matchAll(/[()|]|[^\s()|]+/g)) {
    if (tokens.length >= 1000) throw new ConditionError('the condition has more than 1000 words')
    if (token === '|') throw new ConditionError('aggregations ("| count() ...") are not supported')
    if (!/^[()]$|^[\w.*-]+$/.test(token)) throw new ConditionError(`"${token}" is not a name`)
    tokens.push(token)
  }
  return tokens
}

function shown(token: string | undefined): string {
  return token === undefined ? 'the end' : `"${token}"`
}

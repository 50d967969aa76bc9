import type { CharSet, RegexNode } from './regex-parse.js'

const max_texts = 64

/**
 * Texts (ASCII, lower case) one of which every match contains; undefined if the pattern needs none. Found without
 * running the pattern, so that most values never reach it.
 */
export function cluesOf(tree: RegexNode): readonly string[] | undefined {
  switch (tree.kind) {
    case 'set': {
      const char = letterOf(tree.set)
      return char === undefined ? undefined : [char]
    }
    case 'assert':
      return undefined
    case 'repeat':
      return tree.min > 0 ? cluesOf(tree.node) : undefined
    case 'alt': {
      const texts = tree.nodes.map(cluesOf)
      if (!texts.every((some) => some !== undefined)) return undefined
      const union = [...new Set(texts.flat())]
      return union.length > max_texts ? undefined : union
    }
    case 'cat':
      return bestOf(tree.nodes)
  }
}

/** Of a sequence: the longest run of letters, or the clues of the part whose shortest text is longest. */
function bestOf(nodes: readonly RegexNode[]): readonly string[] | undefined {
  let best: readonly string[] | undefined
  let run = ''
  const consider = (texts: readonly string[] | undefined) => {
    if (texts !== undefined && strength(texts) > strength(best)) best = texts
  }
  for (const node of nodes) {
    const char = node.kind === 'set' ? letterOf(node.set) : undefined
    if (char !== undefined) {
      run += char
      continue
    }
    if (run !== '') consider([run])
    // An assertion takes no character: the letters around it are neighbours.
    if (node.kind !== 'assert') run = ''
    consider(cluesOf(node))
  }
  if (run !== '') consider([run])
  return best
}

function strength(texts: readonly string[] | undefined): number {
  return texts === undefined ? 0 : Math.min(...texts.map((text) => text.length)) - (texts.length - 1) / max_texts
}

/** The one ASCII character of a set, or the one letter of which it has both cases. */
function letterOf(set: CharSet): string | undefined {
  const [from = 0, to = 0, other, end] = set
  if (from !== to || from > 127) return undefined
  if (set.length === 2) return String.fromCharCode(from).toLowerCase()
  const isPair = set.length === 4 && other === end && from >= 65 && from <= 90 && other === from + 32
  return isPair ? String.fromCharCode(other) : undefined
}

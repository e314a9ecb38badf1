const shades = [' ', '░', '▒', '▓', '█'];
const asciiShades = [' ', '.', ':', 'o', '#'];
const gap = '  ';

/**
 * Draws images of `size` x `size` pixels (0 to 255) side by side as lines of text. On terminals that know colours each
 * character is a half block over two pixels; on others it is a shade for their mean.
 */
export function drawImages(
  images: readonly Uint8Array[],
  size: number,
  style: 'colour' | 'shades' | 'ascii',
): string[] {
  const lines: string[] = [];
  for (let row = 0; row < size; row += 2) {
    const parts = images.map((image) => {
      const cells = Array.from({ length: size }, (_, column): string => {
        const top = image[row * size + column];
        const bottom = row + 1 < size ? image[(row + 1) * size + column] : 0;
        return style === 'colour' ? halfBlock(top, bottom) : shade((top + bottom) / 2, style);
      });
      return cells.join('') + (style === 'colour' ? '\u001b[0m' : '');
    });
    lines.push(parts.join(gap).trimEnd());
  }
  return lines;
}

/** How many images of `size` pixels fit side by side on a terminal of `columns`; at least one. */
export function imagesAbreast(columns: number, size: number): number {
  return Math.max(1, Math.floor((columns + gap.length) / (size + gap.length)));
}

/** Foreground is the upper pixel, background the lower one, each one of the 24 greys of the 256-colour palette. */
function halfBlock(top: number, bottom: number): string {
  return `\u001b[38;5;${grey(top)}m\u001b[48;5;${grey(bottom)}m▀`;
}

function grey(value: number): number {
  return 232 + Math.round((value / 255) * 23);
}

function shade(value: number, style: 'shades' | 'ascii'): string {
  const palette = style === 'ascii' ? asciiShades : shades;
  return palette[Math.round((value / 255) * (palette.length - 1))];
}

/** What this environment can show: colours on a terminal, shades in UTF-8, plain characters elsewhere. */
export function drawingStyle(env: NodeJS.ProcessEnv, isTerminal: boolean): 'colour' | 'shades' | 'ascii' {
  if (env.TERM === 'dumb') return 'ascii';
  if (
    isTerminal &&
    env.NO_COLOR === undefined &&
    /256color|truecolor|kitty|alacritty/.test(`${env.TERM} ${env.COLORTERM}`)
  ) {
    return 'colour';
  }
  return /utf-?8/i.test(`${env.LC_ALL ?? env.LC_CTYPE ?? env.LANG ?? 'C.UTF-8'}`) ? 'shades' : 'ascii';
}

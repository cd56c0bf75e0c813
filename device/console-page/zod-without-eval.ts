// Imported before any schema is made: keeps zod from compiling code from text, which the page's Content-Security-Policy forbids.
import { z } from 'zod';

z.config({ jitless: true });

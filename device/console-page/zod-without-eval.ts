// Owns: telling zod that this page may not make code from text (its Content-Security-Policy): zod would try, and the browser would report
// it. Imported before any schema is made. Not here: schemas (contract/).
import { z } from 'zod';

z.config({ jitless: true });
